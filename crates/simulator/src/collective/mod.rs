//! Collectives: what all-reduce and its like move over a fabric, and how long that takes.
//!
//! A collective becomes a [`schedule`]: transfers between devices, in phases that follow one another. Its *pipelined*
//! form, the usual one, makes every transfer of a phase one flow of all its bytes, because a library cuts the buffer
//! into chunks that follow each other along the ring or tree; the latency of the steps comes on top. Its [`explicit`]
//! form runs step after step, as the judge of the other.
//!
//! A library has several protocols (see [`memwall_hardware::LinkProtocols`]); each is timed and the quickest is taken, unless the
//! caller chooses. Flows that cannot be told apart are [folded](fold) into one; that is computed, and checked.

mod candidates;
mod double_tree;
mod error;
mod explicit;
mod fold;
mod layout;
mod outcome;
mod pipelined;
mod ring_search;
mod schedule;
mod timing;

use memwall_hardware::{CommunicationLibrary, Fabric};
use memwall_model_graph::CollectiveKind;

pub use error::CollectiveError;
pub use explicit::ExplicitOutcome;
pub use outcome::{CollectiveOutcome, LevelUse};

/// How a collective's transfers are arranged.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Round a ring, each device to the next.
    Ring,
    /// Up and down two binary trees over the nodes, a chain inside each (Sanders et al. 2009, "Two-tree algorithms for
    /// full bandwidth broadcast, reduction and scan").
    Tree,
    /// Pairs exchange halves, quarters and so on (Rabenseifner 2004). For powers of two.
    HalvingDoubling,
    /// Each device to each other at once.
    Direct,
    /// Reduce-scatter inside the nodes, all-reduce between them, all-gather inside.
    Hierarchical,
    /// The switches add up and copy.
    InNetwork,
}

/// How a receiver learns that data has arrived.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A flag beside every four bytes: half the bytes on the wire are flags.
    Ll,
    /// A flag in every line of 128 bytes.
    Ll128,
    /// A counter after a large chunk.
    Simple,
}

/// One collective to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What it does.
    pub kind: CollectiveKind,
    /// The buffer as nccl-tests counts it: for all-gather what one rank has afterwards, for reduce-scatter and
    /// all-to-all what it has before, for the others its size.
    pub bytes: u64,
    /// The devices of its ranks, in the order of the ranks.
    pub group: Vec<u32>,
    /// Groups that do the same at the same time, each of as many ranks: they share what links they meet on. The
    /// outcome is that of all of them: its time is when the last is through.
    pub beside: Vec<Vec<u32>>,
    /// Share of the busiest receiver of an all-to-all over the mean; 1 is even.
    pub skew: f64,
    /// Only this algorithm; `None` lets the library choose.
    pub algorithm: Option<Algorithm>,
    /// Only this protocol; `None` lets the library choose.
    pub protocol: Option<Protocol>,
}

impl Call {
    /// An even collective over `group`, algorithm and protocol left to the library.
    #[must_use]
    pub const fn new(kind: CollectiveKind, bytes: u64, group: Vec<u32>) -> Self {
        Self { kind, bytes, group, beside: Vec::new(), skew: 1.0, algorithm: None, protocol: None }
    }
}

/// Runs collectives over a fabric as a library does.
#[derive(Debug, Clone, Copy)]
pub struct Communicator<'a> {
    fabric: &'a Fabric,
    library: &'a CommunicationLibrary,
    folds: bool,
}

impl<'a> Communicator<'a> {
    /// A communicator of this library over this fabric.
    #[must_use]
    pub const fn new(fabric: &'a Fabric, library: &'a CommunicationLibrary) -> Self {
        Self { fabric, library, folds: true }
    }

    /// The same with a flow for every transfer: slow, and what folded flows must equal.
    #[must_use]
    pub const fn unfolded(self) -> Self {
        Self { folds: false, ..self }
    }

    /// Runs one collective alone on the fabric, in pipelined form, by the quickest algorithm and protocol.
    ///
    /// # Errors
    /// The group is empty, repeats a device or names one that is not there; a device cannot be reached; nothing fits
    /// the algorithm and protocol asked for; or there are too many transfers.
    pub fn run(&self, call: &Call) -> Result<CollectiveOutcome, CollectiveError> {
        candidates::best(self, call)
    }

    /// Every algorithm and protocol that would do, quickest first.
    ///
    /// # Errors
    /// As [`Communicator::run`].
    pub fn compare(&self, call: &Call) -> Result<Vec<CollectiveOutcome>, CollectiveError> {
        candidates::all(self, call)
    }

    /// Runs one collective alone on the fabric step after step, nothing folded; round a ring and by the Simple protocol
    /// unless the call says otherwise.
    ///
    /// # Errors
    /// As [`Communicator::run`]; and the algorithm has no explicit form, or there are groups beside.
    pub fn run_explicit(&self, call: &Call) -> Result<ExplicitOutcome, CollectiveError> {
        explicit::run(self, call)
    }
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 6] =
        [Self::Ring, Self::Tree, Self::HalvingDoubling, Self::Direct, Self::Hierarchical, Self::InNetwork];

    /// `ring`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Tree => "tree",
            Self::HalvingDoubling => "halving_doubling",
            Self::Direct => "direct",
            Self::Hierarchical => "hierarchical",
            Self::InNetwork => "in_network",
        }
    }
}

impl Protocol {
    /// Every protocol, quickest to start first.
    pub const ALL: [Self; 3] = [Self::Ll, Self::Ll128, Self::Simple];

    /// `ll128`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ll => "ll",
            Self::Ll128 => "ll128",
            Self::Simple => "simple",
        }
    }

    /// Bytes on the wire for each byte of data.
    pub(crate) const fn wire(self) -> f64 {
        match self {
            // Four bytes of data, four of flag.
            Self::Ll => 2.0,
            // 120 bytes of data, eight of flag.
            Self::Ll128 => 128.0 / 120.0,
            Self::Simple => 1.0,
        }
    }
}
