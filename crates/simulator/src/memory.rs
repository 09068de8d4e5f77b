//! What a step keeps in device memory.

use memwall_hardware::Tier;
use memwall_model_graph::{Graph, TensorId, TensorRole};
use memwall_units::Bytes;

use crate::SimulationError;

/// Bytes in device memory during one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepMemory {
    /// Parameters.
    pub weights: u64,
    /// Keys and values.
    pub kv_cache: u64,
    /// The most that inputs and results of operators take at once: each lives from its producer to its last reader.
    pub activations: u64,
}

impl StepMemory {
    /// All together, held at `u64::MAX`.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.weights.saturating_add(self.kv_cache).saturating_add(self.activations)
    }

    /// Whether it all fits in `tier`.
    ///
    /// # Errors
    /// [`SimulationError::Capacity`].
    pub(crate) fn check(&self, tier: &Tier) -> Result<(), SimulationError> {
        let capacity = tier.capacity.value;
        if self.total() <= capacity.0 {
            return Ok(());
        }
        Err(SimulationError::Capacity {
            tier: tier.name.clone(),
            needed: Bytes(self.total()),
            capacity,
            detail: format!(
                "weights {}, KV cache {}, activations {}",
                Bytes(self.weights),
                Bytes(self.kv_cache),
                Bytes(self.activations)
            ),
        })
    }
}

/// Adds up what `graph` keeps in memory.
#[must_use]
pub fn step_memory(graph: &Graph) -> StepMemory {
    let mut memory = StepMemory::default();
    let mut live = 0_u64;
    for (index, tensor) in graph.tensors().iter().enumerate() {
        let bytes = tensor.bytes();
        match tensor.role {
            TensorRole::Weight => memory.weights = memory.weights.saturating_add(bytes),
            TensorRole::KvCache => memory.kv_cache = memory.kv_cache.saturating_add(bytes),
            TensorRole::Held => live = live.saturating_add(bytes),
            TensorRole::Activation | TensorRole::Input => {
                // What no operator makes is there from the start.
                if graph.producer(TensorId(index as u32)).is_none() {
                    live = live.saturating_add(bytes);
                }
            }
        }
    }
    memory.activations = live;
    for (id, operator) in graph.iter() {
        let passing = |tensor: TensorId| {
            let tensor = graph.tensor(tensor);
            match tensor.role {
                TensorRole::Activation | TensorRole::Input => tensor.bytes(),
                TensorRole::Weight | TensorRole::KvCache | TensorRole::Held => 0,
            }
        };
        for output in &operator.outputs {
            live = live.saturating_add(passing(output.tensor));
        }
        memory.activations = memory.activations.max(live);
        for (index, input) in operator.inputs.iter().enumerate() {
            let first_mention = operator.inputs[..index].iter().all(|other| other.tensor != input.tensor);
            if first_mention && graph.last_reader(input.tensor) == Some(id) {
                live = live.saturating_sub(passing(input.tensor));
            }
        }
        for output in &operator.outputs {
            if graph.last_reader(output.tensor).is_none() {
                live = live.saturating_sub(passing(output.tensor));
            }
        }
    }
    memory
}
