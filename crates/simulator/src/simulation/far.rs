//! Memory behind the device memory: tensors kept there are copied into a buffer of the device memory before use.
//!
//! One copy engine brings them in the order of use, over one link. With `prefetch` it runs ahead as far as the buffer
//! has room: an operator's part of it is free again when the operator has ended. An operator starts when all it reads
//! from there has arrived.

use std::collections::VecDeque;

use memwall_hardware::{Duplex, TierKind};
use memwall_model_graph::{Graph, OpKind, Operand, Operator, TensorRole};
use memwall_units::{Bytes, Picos};

use crate::chip::Chip;
use crate::demand::touched_bytes;
use crate::memory::StepMemory;
use crate::{Placement, SimulationError};

/// Copies take at most this share of what the device memory moves: it has to be read as well.
const MOST_OF_MEMORY: f64 = 0.5;

/// The tier, its copy engine and the buffer.
#[derive(Debug)]
pub(super) struct Far {
    pub placement: Placement,
    /// Bytes per second, and by the datasheet.
    rate: f64,
    peak: f64,
    latency: Picos,
    half_duplex: bool,
    write_rate: f64,
    /// When the copy engine is free.
    free: Picos,
    /// Parts of the buffer that hold an operator's operands, with when it ended, oldest first.
    staged: VecDeque<(Picos, u64)>,
    held: u64,
    /// Of the operator that runs, its part.
    current: u64,
    buffer: u64,
    pub read: u64,
    pub written: u64,
    pub resident: u64,
}

impl Far {
    /// Takes what copies need of the device memory's bandwidth from `chip`: operators run beside them all the time.
    pub fn new(chip: &mut Chip, placement: Placement, exact: bool) -> Result<Self, SimulationError> {
        let fault = |reason: String| SimulationError::Machine { device: chip.device.name.clone(), reason };
        let Some(tier) = chip.device.tiers.get(placement.tier as usize) else {
            return Err(fault("tensors are placed on a tier that it has not".into()));
        };
        if !matches!(tier.kind, TierKind::Host | TierKind::Storage) {
            return Err(fault(format!(
                "tensors are placed on {}, which is no tier of kind host or storage",
                tier.name
            )));
        }
        let efficiency = if exact { tier.efficiency.value } else { 1.0 };
        let dram = chip.dram();
        let level = &mut chip.levels[dram];
        let write_cost = if level.half_duplex { level.write_cost } else { 0.0 };
        let rate = tier.bandwidth.value.0 * efficiency;
        let rate = rate.min(MOST_OF_MEMORY * level.read_rate / write_cost.max(1.0));
        if exact {
            level.read_rate -= rate * write_cost;
            if !level.half_duplex {
                level.write_rate = (level.write_rate - rate).max(MOST_OF_MEMORY * level.write_rate);
            }
        }
        let write = tier.write_bandwidth.as_ref().map_or(tier.bandwidth.value.0, |figure| figure.value.0);
        Ok(Self {
            placement,
            rate,
            peak: tier.bandwidth.value.0,
            latency: if exact { tier.latency.value } else { Picos::ZERO },
            half_duplex: tier.duplex == Duplex::Half,
            write_rate: write * efficiency,
            free: Picos::ZERO,
            staged: VecDeque::new(),
            held: 0,
            current: 0,
            buffer: placement.buffer,
            read: 0,
            written: 0,
            resident: 0,
        })
    }

    /// Whether the operator finds this operand there.
    fn holds(&self, graph: &Graph, operator: &Operator, operand: &Operand) -> bool {
        let looked_up = matches!(operator.kind, OpKind::Gather { .. } | OpKind::GatherSum(_));
        match graph.tensor(operand.tensor).role {
            TensorRole::Weight if looked_up => self.placement.tables,
            TensorRole::Weight => self.placement.weights,
            TensorRole::KvCache => self.placement.kv_cache,
            _ => false,
        }
    }

    /// Moves what is kept there out of `memory`, whose buffer comes in; checks that it fits.
    ///
    /// # Errors
    /// [`SimulationError::Capacity`].
    pub fn check(
        &mut self,
        chip: &Chip,
        graph: &Graph,
        memory: &mut StepMemory,
    ) -> Result<(), SimulationError> {
        let mut seen = std::collections::BTreeSet::new();
        let (mut weights, mut caches, mut largest) = (0_u64, 0_u64, 0_u64);
        for operator in graph.operators() {
            let mut own = 0_u64;
            for operand in operator.inputs.iter().chain(&operator.outputs) {
                if !self.holds(graph, operator, operand) {
                    continue;
                }
                own = own.saturating_add(touched_bytes(graph, operand));
                let tensor = graph.tensor(operand.tensor);
                if seen.insert(tensor.key) {
                    let sum = if tensor.role == TensorRole::Weight { &mut weights } else { &mut caches };
                    *sum = sum.saturating_add(tensor.bytes());
                }
            }
            largest = largest.max(own);
        }
        memory.weights = memory.weights.saturating_sub(weights);
        memory.kv_cache = memory.kv_cache.saturating_sub(caches);
        let needed = weights.saturating_add(caches);
        self.resident = self.resident.max(needed);
        let tier = &chip.device.tiers[self.placement.tier as usize];
        let fits = |needed: u64, capacity: u64, detail: String| {
            if needed <= capacity {
                return Ok(());
            }
            let (needed, capacity) = (Bytes(needed), Bytes(capacity));
            Err(SimulationError::Capacity { tier: tier.name.clone(), needed, capacity, detail })
        };
        let detail = format!("weights {}, KV cache {}", Bytes(weights), Bytes(caches));
        fits(needed, tier.capacity.value.0, detail)?;
        // By default one operator's part is copied while another's is read.
        let wanted = if self.placement.prefetch { largest.saturating_mul(2) } else { largest };
        if self.placement.buffer == 0 {
            self.buffer = self.buffer.max(wanted);
        }
        fits(
            largest,
            self.buffer,
            "the buffer is smaller than what one operator reads from there".to_owned(),
        )?;
        memory.activations = memory.activations.saturating_add(self.buffer);
        Ok(())
    }

    /// When all that `operator` reads from there has arrived; `missed` bytes of a table are looked up. `now` is when the
    /// operator before it ended.
    pub fn arrival(&mut self, graph: &Graph, operator: &Operator, missed: f64, now: Picos) -> Picos {
        let mut bytes = 0_u64;
        let mut looked_up = false;
        for operand in &operator.inputs {
            if !self.holds(graph, operator, operand) {
                continue;
            }
            looked_up |= matches!(operator.kind, OpKind::Gather { .. } | OpKind::GatherSum(_));
            let summed = matches!(operator.kind, OpKind::GatherSum(_));
            bytes = bytes.saturating_add(if summed { missed as u64 } else { touched_bytes(graph, operand) });
        }
        for operand in &operator.outputs {
            if self.holds(graph, operator, operand) {
                self.write(touched_bytes(graph, operand));
            }
        }
        self.current = bytes;
        if bytes == 0 {
            return Picos::ZERO;
        }
        // Which rows are wanted is known only when the indices are there.
        let ahead = self.placement.prefetch && !looked_up;
        let room = self.free.max(self.room(bytes));
        let start = if ahead { room } else { room.max(now) };
        self.held = self.held.saturating_add(bytes);
        self.read = self.read.saturating_add(bytes);
        let copying = Picos::from_secs_f64_ceil(bytes as f64 / self.rate);
        self.free = start.saturating_add(copying);
        self.free.saturating_add(self.latency)
    }

    /// The least time in which the link carries what the operator asked for last reads.
    pub fn least(&self) -> Picos {
        Picos::from_secs_f64_ceil(self.current as f64 / self.peak).saturating_sub(Picos(1))
    }

    /// The operator that was asked for last ended at `end`.
    pub fn ended(&mut self, end: Picos) {
        if self.current > 0 {
            self.staged.push_back((end, self.current));
            self.current = 0;
        }
    }

    /// When the buffer has room for `bytes`: the oldest parts are used anew first.
    fn room(&mut self, bytes: u64) -> Picos {
        let mut when = Picos::ZERO;
        while self.held.saturating_add(bytes) > self.buffer {
            let Some((end, gone)) = self.staged.pop_front() else { break };
            self.held = self.held.saturating_sub(gone);
            when = when.max(end);
        }
        when
    }

    fn write(&mut self, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
        if self.half_duplex {
            let copying = Picos::from_secs_f64_ceil(bytes as f64 / self.write_rate);
            self.free = self.free.saturating_add(copying);
        }
    }
}
