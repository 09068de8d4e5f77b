//! What a communication library adds to the links: launches, handshakes, protocols. Apart from the topology.
//!
//! The words are NCCL's. A collective moves its buffer chunk by chunk through the devices, and each hand-over is a
//! *step*. A *protocol* is how a receiver learns that data has arrived: with a flag beside every four bytes (LL), a flag
//! in every line of 128 bytes (LL128), or a counter after a large chunk (Simple). The first are quick and carry little;
//! the last is slow to start and fills the link.

use indexmap::IndexMap;
use memwall_units::{BytesPerSec, Picos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Checker;
use crate::rows::Rows;
use crate::{Figure, FigureRow, HardwareError};

/// More generations than any library tells apart.
const MAX_GENERATIONS: usize = 64;
/// The generation that stands for links nobody measured.
pub const DEFAULT_GENERATION: &str = "default";

/// A communication library, by the generation of the links it runs over. Also its form in YAML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommunicationLibrary {
    /// Catalog name: `nccl`.
    pub name: String,
    /// What a person calls it.
    pub title: String,
    /// Cores that a collective's kernel takes while it runs.
    pub cores: Figure<u32>,
    /// By the `generation` of a level of the fabric: `nvlink4`. One is called `default`.
    pub generations: IndexMap<String, LinkProtocols>,
}

/// How the library fares over links of one generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkProtocols {
    /// From the call to the first step: kernel launch, and ranks finding each other.
    pub launch: Figure<Picos>,
    /// A flag beside every four bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ll: Option<FlagProtocol>,
    /// A flag in every line of 128 bytes. Needs links that keep the order of a line's bytes: NVLink, not PCIe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ll128: Option<FlagProtocol>,
    /// A counter after a large chunk.
    pub simple: ChunkProtocol,
    /// Each rank to each other at once: all-to-all, send and receive.
    pub direct: DirectProtocol,
    /// Reduction inside the switches, where they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_network: Option<InNetwork>,
}

/// LL or LL128.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagProtocol {
    /// What it takes once, beside the launch. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Figure<Picos>>,
    /// What a step takes beside the latency of the path.
    pub step: Figure<Picos>,
    /// Bytes of the buffer that a rank's cores work through a second (twice for an all-reduce, which both reduces and
    /// spreads).
    pub rate: Figure<BytesPerSec>,
}

/// The Simple protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkProtocol {
    /// What it takes once, beside the launch: filling the pipeline of chunks.
    pub start: Figure<Picos>,
    /// What a step takes beside the latency of the path.
    pub step: Figure<Picos>,
    /// Fraction of the link's bandwidth that long transfers reach.
    pub efficiency: Figure<f64>,
    /// Bytes a second at which a rank copies its own part to where it belongs, before or after the others'.
    pub copy_rate: Figure<BytesPerSec>,
}

/// Transfers without an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectProtocol {
    /// From the call to the first byte.
    pub launch: Figure<Picos>,
    /// What each peer adds.
    pub peer: Figure<Picos>,
    /// Bytes a second to one peer while messages are short.
    pub short_rate: Figure<BytesPerSec>,
    /// What long messages take once, beside the launch.
    pub start: Figure<Picos>,
    /// Fraction of the link's bandwidth that long messages reach.
    pub efficiency: Figure<f64>,
    /// Bytes a second that a rank's cores copy, its own part included.
    pub copy_rate: Figure<BytesPerSec>,
}

/// Reduction inside the switches: SHARP, NVLS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InNetwork {
    /// From the call to the first byte.
    pub launch: Figure<Picos>,
    /// Fraction of the link's bandwidth that long transfers reach.
    pub efficiency: Figure<f64>,
    /// Fewest ranks for which the library uses it, 2 to 1024.
    pub least_ranks: u32,
}

impl CommunicationLibrary {
    /// What holds over links of this generation, and the name it was found under: its own, or `default`.
    ///
    /// # Panics
    /// Never for a library that passed [`CommunicationLibrary::check`].
    #[must_use]
    pub fn protocols(&self, generation: Option<&str>) -> (&str, &LinkProtocols) {
        let own = generation.and_then(|name| self.generations.get_key_value(name));
        let (name, protocols) = own
            .or_else(|| self.generations.get_key_value(DEFAULT_GENERATION))
            .or_else(|| self.generations.first())
            .expect("a checked library has a default");
        (name.as_str(), protocols)
    }

    /// Every figure, in the order of the YAML form.
    #[must_use]
    pub fn rows(&self) -> Vec<FigureRow> {
        let mut rows = Rows::default();
        rows.number("cores", &self.cores);
        for (name, protocols) in &self.generations {
            let path = |key: &str| format!("generations.{name}.{key}");
            rows.quantity(&path("launch"), &protocols.launch);
            for (key, flag) in [("ll", &protocols.ll), ("ll128", &protocols.ll128)] {
                let Some(flag) = flag else { continue };
                rows.maybe(&path(&format!("{key}.start")), flag.start.as_ref());
                rows.quantity(&path(&format!("{key}.step")), &flag.step);
                rows.quantity(&path(&format!("{key}.rate")), &flag.rate);
            }
            let (simple, direct) = (&protocols.simple, &protocols.direct);
            rows.quantity(&path("simple.start"), &simple.start);
            rows.quantity(&path("simple.step"), &simple.step);
            rows.number(&path("simple.efficiency"), &simple.efficiency);
            rows.quantity(&path("simple.copy_rate"), &simple.copy_rate);
            rows.quantity(&path("direct.launch"), &direct.launch);
            rows.quantity(&path("direct.peer"), &direct.peer);
            rows.quantity(&path("direct.short_rate"), &direct.short_rate);
            rows.quantity(&path("direct.start"), &direct.start);
            rows.number(&path("direct.efficiency"), &direct.efficiency);
            rows.quantity(&path("direct.copy_rate"), &direct.copy_rate);
            let Some(network) = &protocols.in_network else { continue };
            rows.quantity(&path("in_network.launch"), &network.launch);
            rows.number(&path("in_network.efficiency"), &network.efficiency);
            rows.setting(&path("in_network.least_ranks"), &network.least_ranks.to_string());
        }
        rows.into_list()
    }

    /// Checks every figure.
    ///
    /// # Errors
    /// Everything that is wrong, each with its path.
    pub fn check(&self) -> Result<(), Vec<HardwareError>> {
        let mut checker = Checker::default();
        checker.words("name", Some(self.name.clone()), "my-library");
        checker.words("title", Some(self.title.clone()), "My library");
        checker.figure("cores", Some(self.cores.clone()));
        checker.within("generations", |checker| {
            if self.generations.len() > MAX_GENERATIONS {
                checker.error("", format!("more than {MAX_GENERATIONS} generations"), None);
            }
            if !self.generations.contains_key(DEFAULT_GENERATION) {
                let hint = "it stands for links that no other generation names".to_owned();
                checker.error("", format!("`{DEFAULT_GENERATION}` is missing"), hint);
            }
            for (name, protocols) in self.generations.iter().take(MAX_GENERATIONS) {
                checker.within(name, |checker| check_protocols(checker, protocols));
            }
        });
        checker.finish(Some(()))
    }
}

fn check_protocols(checker: &mut Checker, protocols: &LinkProtocols) {
    checker.figure("launch", Some(protocols.launch.clone()));
    for (key, flag) in [("ll", &protocols.ll), ("ll128", &protocols.ll128)] {
        let Some(flag) = flag else { continue };
        checker.within(key, |checker| {
            checker.figure("start", flag.start.clone());
            checker.figure("step", Some(flag.step.clone()));
            checker.figure("rate", Some(flag.rate.clone()));
        });
    }
    let (simple, direct) = (&protocols.simple, &protocols.direct);
    checker.within("simple", |checker| {
        checker.figure("start", Some(simple.start.clone()));
        checker.figure("step", Some(simple.step.clone()));
        checker.figure("efficiency", Some(simple.efficiency.clone()));
        checker.figure("copy_rate", Some(simple.copy_rate.clone()));
    });
    checker.within("direct", |checker| {
        checker.figure("launch", Some(direct.launch.clone()));
        checker.figure("peer", Some(direct.peer.clone()));
        checker.figure("short_rate", Some(direct.short_rate.clone()));
        checker.figure("start", Some(direct.start.clone()));
        checker.figure("efficiency", Some(direct.efficiency.clone()));
        checker.figure("copy_rate", Some(direct.copy_rate.clone()));
    });
    let Some(network) = &protocols.in_network else { return };
    checker.within("in_network", |checker| {
        checker.figure("launch", Some(network.launch.clone()));
        checker.figure("efficiency", Some(network.efficiency.clone()));
        if !(2..=1024).contains(&network.least_ranks) {
            let message = format!("{} is out of range: it must be from 2 to 1024", network.least_ranks);
            checker.error("least_ranks", message, None);
        }
    });
}
