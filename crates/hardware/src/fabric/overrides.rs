//! Links that differ from the others of their level.

use super::spec::LinkOverrideSpec;
use super::{Fabric, FabricLink, Override};
use crate::check::Checker;
use crate::nearest::{nearest, shorten};

/// The most entries.
const MOST_OVERRIDES: usize = 1024;
/// Unknown links to look for better names of: each takes some milliseconds.
const MOST_HINTS: usize = 20;

impl Fabric {
    pub(super) fn apply(&mut self, checker: &mut Checker, overrides: &[LinkOverrideSpec]) {
        if overrides.len() > MOST_OVERRIDES {
            let message =
                format!("at most {MOST_OVERRIDES} links can differ, and there are {}", overrides.len());
            return checker.error("", message, None);
        }
        let mut unknown = 0;
        for (index, spec) in overrides.iter().enumerate() {
            checker.within(&index.to_string(), |checker| {
                checker.figure("bandwidth", spec.bandwidth.clone());
                checker.figure("latency", spec.latency.clone());
                if spec.bandwidth.is_none() && spec.latency.is_none() && spec.dead.is_none() {
                    let message = "nothing differs: give `bandwidth`, `latency` or `dead: true`";
                    checker.error("", message, None);
                }
                let Some((from, to, copy)) = ends(checker, spec) else { return };
                self.set(checker, spec, (from, to, copy), &mut unknown);
                if spec.both_directions == Some(true) {
                    self.set(checker, spec, (to, from, copy), &mut unknown);
                }
            });
        }
    }

    fn set(
        &mut self,
        checker: &mut Checker,
        spec: &LinkOverrideSpec,
        (from, to, copy): (&str, &str, u32),
        unknown: &mut usize,
    ) {
        let Some(link) = self.find_link(from, to, copy) else {
            *unknown += 1;
            let name = format!("{from} -> {to}");
            let hint = if *unknown <= MOST_HINTS { self.hint(from, &name) } else { None };
            let key = if spec.link.is_some() { "link" } else { "to" };
            return checker.error(key, format!("there is no link `{}`", shorten(&name)), hint);
        };
        self.change(link, spec);
    }

    fn change(&mut self, link: FabricLink, spec: &LinkOverrideSpec) {
        let change = Override {
            bandwidth: spec.bandwidth.as_ref().map(|figure| figure.value.0),
            latency: spec.latency.as_ref().map(|figure| figure.value),
        };
        self.overrides.insert(link, change);
        if spec.dead == Some(true) {
            self.dead.insert(link);
        } else {
            self.dead.remove(&link);
        }
    }

    fn hint(&self, from: &str, name: &str) -> Option<String> {
        let names = self.some_link_names(from);
        let close = nearest(name, names.iter().map(String::as_str));
        let best = close.first().copied().or(names.first().map(String::as_str))?;
        Some(format!("did you mean `{best}`?"))
    }
}

/// The ends that an override names, and which of parallel links.
fn ends<'a>(checker: &mut Checker, spec: &'a LinkOverrideSpec) -> Option<(&'a str, &'a str, u32)> {
    match (&spec.link, &spec.from, &spec.to) {
        (None, Some(from), Some(to)) => Some((from.trim(), to.trim(), 0)),
        (Some(link), None, None) => {
            let (name, copy) = match link.rsplit_once(" #") {
                Some((name, copy)) => (name, copy.trim().parse().ok()),
                None => (link.as_str(), Some(0)),
            };
            let ends =
                name.split_once("->").zip(copy).map(|((from, to), copy)| (from.trim(), to.trim(), copy));
            if ends.is_none() {
                let message = format!("`{}` is no name of a link: write `gpu0 -> gpu1`", shorten(link));
                checker.error("link", message, None);
            }
            ends
        }
        _ => {
            checker.error("", "name the link by `link`, or by `from` and `to`", None);
            None
        }
    }
}
