//! `uncertain:`: parameters that are not known exactly, as axes with a distribution.

use super::amount::Amount;
use super::axis::{Axis, Spread};
use super::read::keys_of;
use super::spec::UncertainSpec;
use super::{Sample, SampleMethod, Sweep};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::nearest::nearest;
use crate::node::{Field, Node, Step, Value};
use crate::parse::shorten;
use crate::resolve::{Block, Resolver};
use crate::source::{Place, Sources};
use crate::typed;

const SAMPLES: u64 = 1000;
const NAMES: [&str; 4] = ["normal", "lognormal", "uniform", "triangular"];

/// Reads the block of a scenario whose tree is `root`; adds all that is wrong with it.
pub(crate) fn uncertain(
    resolver: &mut Resolver<'_>,
    root: &Node,
    block: &Node,
    problems: &mut Diagnostics,
) -> Option<Sweep> {
    let parameters = block.get("parameters");
    let mut frame = block.clone();
    if let (Value::Map(map), Some(_)) = (&mut frame.value, parameters.and_then(Node::map)) {
        let empty = Node { value: Value::Map(Default::default()), place: block.place };
        map.insert("parameters".into(), Field { key: block.place, node: empty });
    }
    let spec: UncertainSpec = typed::read(&resolver.sources, &frame, "uncertain", problems)?;
    let mut axes = Vec::new();
    for (path, field) in parameters.and_then(Node::map).into_iter().flatten() {
        if problems.is_full() {
            break;
        }
        match axis(resolver, root, path, field) {
            Ok(axis) => axes.push(axis),
            Err(found) => {
                found
                    .list
                    .into_iter()
                    .for_each(|one| problems.push(one.with_path(format!("uncertain.parameters.{path}"))));
            }
        }
    }
    if parameters.and_then(Node::map).is_some_and(|map| map.is_empty()) {
        let label = "name at least one, such as `hardware.memory.hbm.bandwidth: +-10 %`";
        problems.push(Diagnostic::at(&resolver.sources, block.place, "no parameter is uncertain", label));
    }
    let sample =
        Sample { method: SampleMethod::Random, points: spec.samples.unwrap_or(SAMPLES), seed: spec.seed };
    Some(Sweep { axes, sample: Some(sample), uncertain: true, place: block.place })
}

fn axis(resolver: &mut Resolver<'_>, root: &Node, path: &str, field: &Field) -> Result<Axis, Diagnostics> {
    let keys = keys_of(&resolver.sources, path, field.key, "Monte Carlo")?;
    let node = &field.node;
    let (unit, spread) = match &node.value {
        Value::Text(text) => {
            let share = within(text).ok_or_else(|| unknown(&resolver.sources, node))?;
            let nominal = nominal(resolver, root, &keys, field.key)?;
            let (from, to) = (nominal.number * (1.0 - share), nominal.number * (1.0 + share));
            (nominal.unit, Spread::Range { from, to, steps: None, log: false, whole: false })
        }
        Value::Map(map) if map.len() == 1 => {
            let Some((name, figures)) = map.first() else { return Err(unknown(&resolver.sources, node)) };
            match (name.as_ref(), &figures.node.value) {
                ("normal", Value::Text(text)) => {
                    let share =
                        Amount::of_text(text).filter(|share| share.unit == "%" && share.number >= 0.0);
                    let share = share.ok_or_else(|| unknown(&resolver.sources, node))?;
                    let nominal = nominal(resolver, root, &keys, field.key)?;
                    let deviation = (nominal.number * share.number / 100.0).abs();
                    (nominal.unit, Spread::Normal { mean: nominal.number, deviation })
                }
                (_, Value::List(list)) => named(&resolver.sources, name, figures, list)?,
                _ => return Err(unknown(&resolver.sources, node)),
            }
        }
        _ => return Err(unknown(&resolver.sources, node)),
    };
    Ok(Axis { path: path.to_owned(), unit, keys, place: node.place, spread })
}

/// The share of `+-10 %`.
fn within(text: &str) -> Option<f64> {
    let text = text.trim();
    let rest =
        text.strip_prefix("+-").or_else(|| text.strip_prefix("+/-")).or_else(|| text.strip_prefix('±'))?;
    let amount = Amount::of_text(rest)?;
    (amount.unit == "%" && (0.0..=100.0).contains(&amount.number)).then_some(amount.number / 100.0)
}

fn unknown(sources: &Sources, node: &Node) -> Diagnostics {
    let label = "expected `+-10 %`, or one of `normal: 5 %`, `normal: [mean, sd]`, `lognormal: [median, factor]`, \
        `uniform: [least, most]`, `triangular: [least, likeliest, most]`";
    let message = "this says not how the value is spread";
    let word = node.map().and_then(|map| map.keys().next());
    let near =
        word.and_then(|word| nearest(word, NAMES)).filter(|near| Some(*near) != word.map(AsRef::as_ref));
    let help = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
    Diagnostic::at(sources, node.place, message, label).with_help(help).into()
}

/// A distribution with its figures written out.
fn named(
    sources: &Sources,
    name: &str,
    field: &Field,
    list: &[Node],
) -> Result<(String, Spread), Diagnostics> {
    let wrong =
        |place: Place, message: String| Diagnostics::from(Diagnostic::at(sources, place, message, ""));
    let wanted = match name {
        "normal" | "lognormal" | "uniform" => 2,
        "triangular" => 3,
        _ => {
            return Err(unknown(
                sources,
                &Node {
                    value: Value::Map([(name.into(), field.clone())].into_iter().collect()),
                    place: field.node.place,
                },
            ));
        }
    };
    if list.len() != wanted {
        return Err(wrong(
            field.node.place,
            format!("`{name}` takes {wanted} figures, and here are {}", list.len()),
        ));
    }
    let mut unit = String::new();
    let mut figures = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let amount = Amount::of(node)
            .ok_or_else(|| wrong(node.place, format!("`{name}` takes numbers or quantities")))?;
        if index == 0 {
            unit.clone_from(&amount.unit);
        }
        // The factor of a lognormal distribution is a plain number.
        let own = if name == "lognormal" && index == 1 { "" } else { &unit };
        let figure = amount.in_unit(own);
        figures.push(
            figure.ok_or_else(|| wrong(node.place, "the figures measure different things".to_owned()))?,
        );
    }
    let spread = match (name, figures.as_slice()) {
        ("normal", [mean, deviation]) if *deviation >= 0.0 => {
            Spread::Normal { mean: *mean, deviation: *deviation }
        }
        ("lognormal", [median, factor]) if *median > 0.0 && *factor >= 1.0 => {
            Spread::Lognormal { median: *median, factor: *factor }
        }
        ("uniform", [from, to]) if from <= to => {
            Spread::Range { from: *from, to: *to, steps: None, log: false, whole: false }
        }
        ("triangular", [least, mode, most]) if least <= mode && mode <= most => {
            Spread::Triangular { least: *least, mode: *mode, most: *most }
        }
        _ => {
            let message = match name {
                "normal" => "a standard deviation is not negative",
                "lognormal" => "a median is above zero, and a factor at least 1",
                _ => "the figures of this distribution rise from left to right",
            };
            return Err(wrong(field.node.place, message.to_owned()));
        }
    };
    Ok((unit, spread))
}

/// What the scenario says at a path, catalog entries included.
fn nominal(
    resolver: &mut Resolver<'_>,
    root: &Node,
    keys: &[(String, Place)],
    place: Place,
) -> Result<Amount, Diagnostics> {
    const BLOCKS: [Block; 5] =
        [Block::Model, Block::Hardware, Block::System, Block::Communication, Block::Software];
    let mut steps: Vec<Step> = keys.iter().map(|(key, _)| Step::Key(key.clone())).collect();
    let mut problems = Diagnostics::default();
    let block = BLOCKS.into_iter().find(|block| block.key() == keys[0].0);
    let document = match (block, root.get(&keys[0].0)) {
        (Some(block), Some(node)) => {
            steps.remove(0);
            resolver.document(block, node, &mut problems)
        }
        _ => Some(root.clone()),
    };
    let found = document.as_ref().and_then(|document| {
        let along = document.along(&steps);
        let node = along.get(steps.len()).copied()?;
        // A figure with its source.
        Amount::of(node.get("value").unwrap_or(node))
    });
    found.filter(|_| problems.is_empty()).ok_or_else(|| {
        let path: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let message = format!("the scenario has no number at `{}`", shorten(&path.join(".")));
        let label = "a share of what?";
        let help = "write the figures out, such as `{ normal: [3 TB/s, 0.1 TB/s] }`; `memwall run --dry-run` shows all values";
        Diagnostic::at(&resolver.sources, place, message, label).with_help(help).into()
    })
}
