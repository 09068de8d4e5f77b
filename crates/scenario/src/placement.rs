//! The `placement:` block: what is kept behind the device memory.

use memwall_hardware::{Device, TierKind};
use memwall_model_graph::{Graph, OpKind, TensorRole};
use memwall_simulator::Placement;
use memwall_units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::build_case::present;
use crate::diagnostic::Diagnostics;
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step};
use crate::parse::shorten;
use crate::resolve::Resolver;
use crate::typed;

const PREFIX: &str = "placement";

/// Tensors kept in a tier of kind `host` or `storage` of the device, and copied into a buffer of the device memory
/// before an operator reads them. What is not named is in the device memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeptElsewhere")]
pub(crate) struct PlacementSpec {
    /// The tier that has the weights, tables apart.
    #[serde(default)]
    pub weights: Option<String>,
    /// The tier that has the tables rows are looked up in (`gather`, `gather_sum`). Only what is looked up is copied.
    #[serde(default)]
    pub tables: Option<String>,
    /// The tier that has the KV cache.
    #[serde(default)]
    pub kv_cache: Option<String>,
    /// Of training, the tier that has the master weights and what the optimizer remembers.
    #[serde(default)]
    pub optimizer: Option<String>,
    /// Of training, the tier that has what forward passes keep for backward passes.
    #[serde(default)]
    pub activations: Option<String>,
    /// Whether copies run ahead of the operators that need them, as far as the buffer has room. Rows of tables never do:
    /// nobody knows which before they are wanted. Default true.
    #[serde(default)]
    pub prefetch: Option<bool>,
    /// Device memory that copies go to. Default: twice what the largest operator reads from there; once, without
    /// `prefetch`.
    #[serde(default)]
    pub buffer: Option<Bytes>,
}

/// The placement that a scenario asks for; `Some(None)` where everything is in the device memory.
pub(crate) fn build(
    resolver: &Resolver<'_>,
    root: &Node,
    device: &Device,
    problems: &mut Diagnostics,
) -> Option<Option<Placement>> {
    let Some(block) = present(root, PREFIX) else { return Some(None) };
    let spec: PlacementSpec = typed::read(&resolver.sources, block, PREFIX, problems)?;
    let before = problems.list.len() + problems.more;
    let behind = |kind| matches!(kind, TierKind::Host | TierKind::Storage);
    let known = || device.tiers.iter().filter(|tier| behind(tier.kind)).map(|tier| tier.name.as_str());
    let mut tiers = Vec::new();
    let places = [
        ("weights", &spec.weights),
        ("tables", &spec.tables),
        ("kv_cache", &spec.kv_cache),
        ("optimizer", &spec.optimizer),
        ("activations", &spec.activations),
    ];
    for (key, name) in places {
        let Some(name) = name else { continue };
        let path = [Step::Key(key.to_owned())];
        let mut wrong = |message: String, help: String| {
            let problem = typed::problem_at(&resolver.sources, block, PREFIX, &path, message, "");
            problems.push(problem.with_help(help));
        };
        match device.tiers.iter().position(|tier| tier.name == *name) {
            // Where everything else is.
            Some(index) if device.tiers[index].kind == TierKind::Dram => {}
            Some(index) if behind(device.tiers[index].kind) => tiers.push((key, index)),
            _ => {
                let message = format!(
                    "`{}` has no tier `{}` of kind host or storage",
                    shorten(&device.name),
                    shorten(name)
                );
                let help = nearest(name, known()).map_or_else(
                    || match known().next() {
                        Some(_) => format!("there are {}", one_of(known(), 10)),
                        None => "add one under `hardware.memory`".to_owned(),
                    },
                    |word| format!("did you mean `{word}`?"),
                );
                wrong(message, help);
            }
        }
    }
    if let [(_, first), rest @ ..] = tiers.as_slice()
        && let Some((key, _)) = rest.iter().find(|(_, tier)| tier != first)
    {
        let path = [Step::Key((*key).to_owned())];
        let message = "tensors in two tiers behind the device memory: they can be kept in one";
        problems.push(typed::problem_at(&resolver.sources, block, PREFIX, &path, message, ""));
    }
    if problems.list.len() + problems.more > before {
        return None;
    }
    let has = |key: &str| tiers.iter().any(|(placed, _)| *placed == key);
    Some(tiers.first().map(|(_, tier)| Placement {
        tier: u32::try_from(*tier).unwrap_or(u32::MAX),
        weights: has("weights"),
        tables: has("tables"),
        kv_cache: has("kv_cache"),
        optimizer: has("optimizer"),
        activations: has("activations"),
        prefetch: spec.prefetch.unwrap_or(true),
        buffer: spec.buffer.map_or(0, |bytes| bytes.0),
    }))
}

/// Bytes of weights and of the KV cache of `graph` that `placement` keeps elsewhere.
pub(crate) fn elsewhere(graph: &Graph, placement: &Placement) -> (u64, u64) {
    let mut seen = std::collections::BTreeSet::new();
    let (mut weights, mut caches) = (0_u64, 0_u64);
    for operator in graph.operators() {
        let looks_up = matches!(operator.kind, OpKind::Gather { .. } | OpKind::GatherSum(_));
        for operand in operator.inputs.iter().chain(&operator.outputs) {
            let tensor = graph.tensor(operand.tensor);
            let (placed, sum) = match tensor.role {
                TensorRole::Weight if looks_up => (placement.tables, &mut weights),
                TensorRole::Weight => (placement.weights, &mut weights),
                TensorRole::KvCache => (placement.kv_cache, &mut caches),
                _ => continue,
            };
            if placed && seen.insert(tensor.key) {
                *sum = sum.saturating_add(tensor.bytes());
            }
        }
    }
    (weights, caches)
}
