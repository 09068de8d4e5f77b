//! The links of an explicit level, from the names of their ends.

use std::collections::HashMap;

use super::explicit::{Explicit, MOST_LINKS, MOST_NODES, MOST_STEPS};
use super::level::Topology;
use super::names::is_word;
use super::shape::Shape;
use super::spec::LinkSpec;
use super::wire::{Frame, Wired};
use crate::check::Checker;
use crate::nearest::{nearest, shorten};

/// The wiring of an explicit level; `None` after an error.
pub(super) fn explicit(checker: &mut Checker, frame: &Frame, count: u32) -> Option<Wired> {
    let links = checker.required("links", frame.spec.links.as_ref(), "[{ from: gpu0, to: gpu1 }]")?;
    let switches = frame.spec.switches.clone().unwrap_or_default();
    let nodes = count as usize + switches.len();
    if nodes > MOST_NODES || links.len() * 2 > MOST_LINKS {
        let message = format!(
            "an explicit level has at most {MOST_NODES} nodes and {} links, and this one has {nodes} and {}",
            MOST_LINKS / 2,
            links.len()
        );
        checker.error("", message, None);
        return None;
    }
    let numbers = node_numbers(checker, frame.member, count, &switches)?;
    let (pairs, figures) = read_links(checker, frame, links, &numbers)?;
    if count as usize * (nodes + pairs.len()) > MOST_STEPS {
        let message = format!("{count} members with {} links take too long to route", pairs.len());
        checker.error("links", message, "use fewer links, or one of the other topologies".to_owned());
        return None;
    }
    let wiring = Explicit::new(count, frame.ports, switches, &pairs);
    let cut_off = wiring.cut_off();
    if !cut_off.is_empty() {
        let names: Vec<String> =
            cut_off.iter().take(8).map(|node| format!("{}{node}", frame.member)).collect();
        let more = if cut_off.len() > 8 { format!(" and {} more", cut_off.len() - 8) } else { String::new() };
        let message = format!(
            "no links lead from {first} to {names}{more} and back",
            first = format_args!("{}0", frame.member),
            names = names.join(", ")
        );
        checker.error("links", message, None);
        return None;
    }
    let kind = Topology::Explicit { nodes: nodes as u32, links: pairs.len() as u32 };
    Some(Wired { count, kind, shape: Shape::Explicit(wiring), figures })
}

type Numbers = HashMap<String, u32>;

fn node_numbers(checker: &mut Checker, member: &str, count: u32, switches: &[String]) -> Option<Numbers> {
    let mut numbers: Numbers = (0..count).map(|node| (format!("{member}{node}"), node)).collect();
    let mut is_good = true;
    for (index, name) in switches.iter().enumerate() {
        let is_new = numbers.insert(name.clone(), count + index as u32).is_none();
        if !is_new || !is_word(name) {
            let message = format!(
                "`{}` is no name for a switch: it must be new, and letters, digits, `_` or `-`, beginning with a letter",
                shorten(name)
            );
            checker.within("switches", |checker| checker.error(&index.to_string(), message, None));
            is_good = false;
        }
    }
    is_good.then_some(numbers)
}

type Pairs = (Vec<(u32, u32)>, Vec<(f64, memwall_units::Picos)>);

/// Ends and figures of every directed link.
fn read_links(checker: &mut Checker, frame: &Frame, links: &[LinkSpec], numbers: &Numbers) -> Option<Pairs> {
    let (mut pairs, mut figures) = (Vec::new(), Vec::new());
    let mut bad = 0;
    checker.within("links", |checker| {
        for (index, link) in links.iter().enumerate() {
            // A few wrong links show what is wrong with all.
            if bad >= 20 {
                break;
            }
            checker.within(&index.to_string(), |checker| {
                checker.figure("bandwidth", link.bandwidth.clone());
                checker.figure("latency", link.latency.clone());
                let from = node(checker, "from", &link.from, numbers);
                let to = node(checker, "to", &link.to, numbers);
                let (Some(from), Some(to)) = (from, to) else { return bad += 1 };
                if from == to {
                    checker.error("to", "a link must lead somewhere else", None);
                    return bad += 1;
                }
                let bandwidth = link.bandwidth.as_ref().map_or(frame.bandwidth.0, |figure| figure.value.0);
                let latency = link.latency.as_ref().map_or(frame.latency, |figure| figure.value);
                pairs.push((from, to));
                figures.push((bandwidth, latency));
                if link.one_way != Some(true) {
                    pairs.push((to, from));
                    figures.push((bandwidth, latency));
                }
            });
        }
    });
    (bad == 0).then_some((pairs, figures))
}

fn node(checker: &mut Checker, key: &str, name: &str, numbers: &Numbers) -> Option<u32> {
    let found = numbers.get(name).copied();
    if found.is_none() {
        // In order, so that the hint does not depend on the hash.
        let mut names: Vec<(&u32, &String)> = numbers.iter().map(|(name, number)| (number, name)).collect();
        names.sort_unstable();
        let close = nearest(name, names.iter().map(|(_, name)| name.as_str()));
        let hint = close.first().map(|name| format!("did you mean `{name}`?"));
        checker.error(key, format!("there is no `{}` to link", shorten(name)), hint);
    }
    found
}
