//! Counting what lies in memory in a training step.

use memwall_model_graph::{Counting, GraphError, Recompute, StateBytes, ZeroStage};
use memwall_report::{Limit, MemoryDocument, MemoryItem, MemoryReport, PublishedSize};
use memwall_scenario::{MemoryCase, MemoryReference, MemorySubject, PublishedBytes, Scenario};
use memwall_units::Bytes;

use crate::run::{RunError, asserted, distinct};

/// Counts every case.
///
/// # Errors
/// A graph cannot be built, which a validated scenario's can.
pub fn run_memories(scenario: &Scenario) -> Result<MemoryDocument, RunError> {
    let counted = |case: &MemoryCase| {
        memory_report(case).map_err(|error| RunError { case: case.name.clone(), reason: error.into() })
    };
    let cases = scenario.memories.iter().map(counted).collect::<Result<Vec<_>, _>>()?;
    let references = scenario.memories.iter().filter_map(|case| case.reference.as_ref());
    let sources = distinct(references.filter_map(|reference| reference.source.as_ref()));
    let seed = scenario.memories.first().map_or(0, |case| case.seed);
    Ok(MemoryDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases, sources))
}

/// Counts one case, and holds its assertions against it.
///
/// # Errors
/// Its graph cannot be built.
pub fn memory_report(case: &MemoryCase) -> Result<MemoryReport, GraphError> {
    let counted = Counted::of(case, case.micro_batch(), case.ranks)?;
    let reference = case.reference.clone().unwrap_or_default();
    let total = counted.total();
    let limit = match &case.limit {
        None => None,
        Some(limit) => {
            let fits = total <= limit.bytes;
            let remedy = if fits { None } else { Some(remedy(case, &counted, limit.bytes)?) };
            Some(Limit { name: limit.name.clone(), bytes: limit.bytes, fits, remedy })
        }
    };
    let report = MemoryReport {
        name: case.name.clone(),
        description: case.description.clone(),
        model: case.subject.name().to_owned(),
        training: in_words(case),
        parameters: case.subject.parameters(),
        ranks: case.ranks,
        micro_batch: case.micro_batch(),
        items: counted.items(&reference),
        total,
        limit,
        total_published: reference.total.as_ref().map(|published| beside(total, published)),
        notes: reference.note.into_iter().collect(),
        expectations: Vec::new(),
    };
    Ok(report.checked(&asserted(&case.expect)))
}

/// Bytes of everything.
struct Counted {
    state: StateBytes,
    activations: u64,
}

impl Counted {
    /// With that many sequences or images at once, on one of `ranks`.
    fn of(case: &MemoryCase, sequences: u64, ranks: u64) -> Result<Self, GraphError> {
        let training = &case.plan.training;
        let mut state = training.state_bytes(case.subject.parameters(), case.weights(), ranks);
        if case.counting == Counting::Paper {
            // No gradients, no copies, and all in 32 bits.
            let each = case.weights().bytes_for(case.subject.parameters());
            let optimizer = (each as f64 * training.optimizer.states()).ceil() as u64;
            state = StateBytes { weights: each, optimizer, ..StateBytes::default() };
        }
        Ok(Self { state, activations: case.activations(sequences)? })
    }

    fn total(&self) -> u64 {
        self.state.total().saturating_add(self.activations)
    }

    fn items(&self, reference: &MemoryReference) -> Vec<MemoryItem> {
        let StateBytes { weights, gradients, master, optimizer } = self.state;
        let item = |name, bytes, published: &Option<PublishedBytes>| MemoryItem {
            name,
            bytes,
            published: published.as_ref().map(|published| beside(bytes, published)),
        };
        vec![
            item("weights", weights, &reference.weights),
            item("gradients", gradients, &reference.gradients),
            item("master_weights", master, &None),
            item("optimizer", optimizer, &reference.optimizer),
            item("activations", self.activations, &reference.activations),
        ]
    }
}

fn beside(bytes: u64, published: &PublishedBytes) -> PublishedSize {
    let printed = &published.printed;
    let unit = (published.unit.as_str(), published.scale);
    PublishedSize::new(bytes, (printed.value, printed.rounding), printed.corrected, unit)
}

/// The smallest change that makes it fit: a smaller batch, then computing layers again, then dividing over ranks.
fn remedy(case: &MemoryCase, counted: &Counted, limit: u64) -> Result<String, GraphError> {
    let state = counted.state.total();
    if state < limit && counted.activations > 0 {
        let mut fitting = 0;
        let mut too_many = case.micro_batch();
        while too_many - fitting > 1 {
            let middle = fitting + (too_many - fitting) / 2;
            let need = state.saturating_add(case.activations(middle)?);
            if need <= limit { fitting = middle } else { too_many = middle }
        }
        if fitting > 0 {
            let what =
                if case.ranks > 1 || case.plan.micro_batch.is_some() { "micro-batch" } else { "batch" };
            return Ok(format!("a {what} of {fitting} would fit"));
        }
        if let Some(text) = again(case, state, limit)? {
            return Ok(text);
        }
        let one = Bytes(state.saturating_add(case.activations(1)?));
        return Ok(format!("even a batch of 1 needs {one}"));
    }
    Ok(divided(case, limit).unwrap_or_else(|| {
        format!(
            "weights, gradients and optimizer alone need {}: take a device with more memory",
            Bytes(state)
        )
    }))
}

/// Computing whole layers again, where that is possible and enough.
fn again(case: &MemoryCase, state: u64, limit: u64) -> Result<Option<String>, GraphError> {
    let is_model = matches!(case.subject, MemorySubject::Model { .. });
    let is_new = case.plan.training.recompute == Recompute::None && case.counting == Counting::Actual;
    if !is_model || !is_new {
        return Ok(None);
    }
    let mut other = case.clone();
    other.plan.training.recompute = Recompute::Full;
    let need = state.saturating_add(other.activations(1)?);
    Ok((need <= limit).then(|| "a batch of 1 with `recompute: full` would fit".to_owned()))
}

/// The fewest ranks over which everything kept of a parameter can be divided.
fn divided(case: &MemoryCase, limit: u64) -> Option<String> {
    if case.counting == Counting::Paper {
        return None;
    }
    let mut training = case.plan.training.clone();
    training.zero = ZeroStage::Weights;
    let (parameters, weights) = (case.subject.parameters(), case.weights());
    let ranks = (0..=20).map(|power| 1_u64 << power);
    let enough =
        ranks.into_iter().find(|ranks| training.state_bytes(parameters, weights, *ranks).total() <= limit)?;
    Some(format!("with `zero: weights` over {enough} ranks what is kept of the parameters would fit"))
}

/// How it is trained.
fn in_words(case: &MemoryCase) -> String {
    let training = &case.plan.training;
    let optimizer = training.optimizer.kind.name();
    if case.counting == Counting::Paper {
        return format!("{optimizer}, counted as the paper does: 4 bytes a value, no gradients");
    }
    let mut text = format!("{optimizer}, weights {}", case.weights());
    text += &format!(", gradients {}", training.formats.gradients);
    if let Some(master) = training.formats.master {
        text += &format!(", master weights {master}");
    }
    text += &format!(", state {}", training.formats.state);
    if training.zero > ZeroStage::None {
        text += &format!(", ZeRO {} over {} ranks", training.zero.number(), case.ranks);
    }
    match training.recompute {
        Recompute::None | Recompute::Optimal(_) => {}
        Recompute::Selective => text += ", what is large and cheap computed again",
        Recompute::Full => text += ", whole layers computed again",
        Recompute::Every(every) => text += &format!(", all layers but every {every}th computed again"),
    }
    text
}
