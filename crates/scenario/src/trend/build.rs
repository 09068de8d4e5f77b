//! From the tree of one case to a [`TrendCase`].

use super::points::{Place, key, resolve};
use super::spec::{RatioSpec, TrendSpec};
use super::{TrendCase, TrendRatio, TrendSeries};
use crate::build_case::{expectations, foreign_keys, missing, optional, present};
use crate::diagnostic::Diagnostics;
use crate::microbenchmark::Tables;
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step};
use crate::parse::shorten;
use crate::resolve::Resolver;
use crate::spec::SCENARIO_KEYS;
use crate::typed;

const PREFIX: &str = "trend";
/// The most series, ratios of a case and marks of a ratio.
const MAX_PARTS: usize = 64;
const OTHERS: [&str; 9] = [
    "memory",
    "hardware",
    "system",
    "communication",
    "microbenchmark",
    "collective",
    "replay",
    "reference",
    "slow",
];

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    tables: &mut Tables,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<TrendCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    foreign_keys(resolver, root, PREFIX, &OTHERS, problems);
    let description = optional(resolver, root, "description", problems);
    let seed = optional(resolver, root, "seed", problems);
    let expect = expectations(resolver, root, problems);
    let Some(block) = present(root, PREFIX) else {
        let help = "such as `trend: { series: [{ name: memory, points: [...] }] }`";
        return missing(resolver, root, PREFIX, help, problems);
    };
    let spec: TrendSpec = typed::read(&resolver.sources, block, PREFIX, problems)?;
    counts(resolver, block, &spec, problems);
    names(resolver, block, &spec, problems);
    let series = series(resolver, tables, block, &spec, problems);
    let ratios = ratios(resolver, block, &spec, problems);
    if problems.list.len() + problems.more > before {
        return None;
    }
    Some(TrendCase {
        name: name.to_owned(),
        description,
        series,
        ratios,
        note: spec.note,
        seed: seed.unwrap_or_default(),
        expect: expect?,
    })
}

fn counts(resolver: &mut Resolver<'_>, block: &Node, spec: &TrendSpec, problems: &mut Diagnostics) {
    let mut place = Place { resolver, node: block, prefix: PREFIX.to_owned(), problems };
    if spec.series.is_empty() || spec.series.len() > MAX_PARTS {
        let message = format!("{} series; give 1 to {MAX_PARTS}", spec.series.len());
        place.problem(&[key("series")], message);
    }
    if spec.ratios.len() > MAX_PARTS {
        place.problem(&[key("ratios")], format!("{} ratios: at most {MAX_PARTS}", spec.ratios.len()));
    }
}

/// Series and ratios are named in `expect:`, and so are told apart by name.
fn names(resolver: &mut Resolver<'_>, block: &Node, spec: &TrendSpec, problems: &mut Diagnostics) {
    let mut seen = std::collections::BTreeSet::new();
    let series = spec.series.iter().enumerate().map(|(index, series)| ("series", index, &series.name));
    let ratios = spec.ratios.iter().enumerate().map(|(index, ratio)| ("ratios", index, &ratio.name));
    for (list, index, name) in series.chain(ratios) {
        let again = !seen.insert(name);
        if !again && !name.trim().is_empty() {
            continue;
        }
        let message = if again {
            format!("two series or ratios are called `{}`", shorten(name))
        } else {
            "a name is missing".to_owned()
        };
        let mut place = Place { resolver, node: block, prefix: PREFIX.to_owned(), problems };
        place.problem(&[key(list), Step::Index(index), key("name")], message);
    }
}

fn series(
    resolver: &mut Resolver<'_>,
    tables: &mut Tables,
    block: &Node,
    spec: &TrendSpec,
    problems: &mut Diagnostics,
) -> Vec<TrendSeries> {
    let mut list = Vec::new();
    for (index, series) in spec.series.iter().enumerate().take(MAX_PARTS) {
        let along = block.along(&[key("series"), Step::Index(index)]);
        let node = along.last().copied().unwrap_or(block);
        let mut place = Place { resolver, node, prefix: format!("{PREFIX}.series[{index}]"), problems };
        let points = resolve(&mut place, tables, series);
        list.push(TrendSeries {
            name: series.name.clone(),
            unit: series.unit.clone().unwrap_or_default(),
            points,
            published: series.published,
            source: series.source.clone(),
        });
    }
    list
}

fn ratios(
    resolver: &mut Resolver<'_>,
    block: &Node,
    spec: &TrendSpec,
    problems: &mut Diagnostics,
) -> Vec<TrendRatio> {
    let known = || spec.series.iter().map(|series| series.name.as_str());
    let mut list = Vec::new();
    for (index, ratio) in spec.ratios.iter().enumerate().take(MAX_PARTS) {
        let along = block.along(&[key("ratios"), Step::Index(index)]);
        let node = along.last().copied().unwrap_or(block);
        let mut place = Place { resolver, node, prefix: format!("{PREFIX}.ratios[{index}]"), problems };
        let mut find = |side: &str, name: &str| {
            let found = known().position(|known| known == name);
            if found.is_none() {
                let help = nearest(name, known()).map_or_else(
                    || format!("there are {}", one_of(known(), 20)),
                    |word| format!("did you mean `{word}`?"),
                );
                place.helped(&[key(side)], format!("no series is called `{}`", shorten(name)), help);
            }
            found
        };
        let ends = find("of", &ratio.of).zip(find("over", &ratio.over));
        levels(&mut place, ratio);
        list.extend(ends.map(|(of, over)| TrendRatio {
            name: ratio.name.clone(),
            unit: ratio.unit.clone().unwrap_or_default(),
            of,
            over,
            factor: ratio.factor.unwrap_or(1.0),
            marks: ratio.marks.iter().map(|mark| (mark.name.clone(), mark.at)).collect(),
        }));
    }
    list
}

fn levels(place: &mut Place<'_, '_>, ratio: &RatioSpec) {
    let above = |value: f64| value.is_finite() && value > 0.0;
    if !ratio.factor.is_none_or(above) {
        place.problem(&[key("factor")], "a factor is a number above 0");
    }
    if ratio.marks.len() > MAX_PARTS {
        place.problem(&[key("marks")], format!("{} marks: at most {MAX_PARTS}", ratio.marks.len()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, mark) in ratio.marks.iter().enumerate().take(MAX_PARTS) {
        if !above(mark.at) {
            place.problem(&[key("marks"), Step::Index(index), key("at")], "a level is a number above 0");
        }
        if !seen.insert(&mark.name) {
            let message = format!("two marks are called `{}`", shorten(&mark.name));
            place.problem(&[key("marks"), Step::Index(index), key("name")], message);
        }
    }
}
