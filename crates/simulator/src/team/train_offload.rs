//! What of a training run is kept behind device memory, and what waiting for it costs.

use memwall_hardware::Device;
use memwall_units::Picos;

use crate::offload::{OffloadLink, OffloadRecord, OffloadRules, OffloadedPass, offload};
use crate::pipeline::{PassKind, PipelineOrder};
use crate::{Placement, SimulationError};

/// Pieces in which an optimizer's state is brought, updated and taken back.
const PIECES: u64 = 32;

/// Parts of a pass whose activations travel together, as layers' do.
const SLICES: u64 = 16;

/// What a stage does with one of its parts: times of passes and bytes kept between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeptPass {
    pub forward: Picos,
    pub backward: Picos,
    pub activations: u64,
}

/// Waits of one stage's passes whose activations are kept behind device memory, in the order in which it does them.
pub(super) fn of_activations(
    device: &Device,
    placement: &Placement,
    order: &PipelineOrder,
    stage: u32,
    parts: &[KeptPass],
) -> Result<OffloadRecord, SimulationError> {
    let mut forward = std::collections::HashMap::new();
    let mut passes = Vec::new();
    for pass in order.passes(stage) {
        let Some(part) = parts.get(usize::from(pass.part)) else { continue };
        let key = (pass.part, pass.micro_batch);
        let bytes = part.activations / SLICES;
        match pass.kind {
            PassKind::Forward => {
                forward.insert(key, passes.len());
                let slice = OffloadedPass {
                    compute: Picos(part.forward.0 / SLICES),
                    store: bytes,
                    ..OffloadedPass::default()
                };
                passes.extend((0..SLICES).map(|_| slice));
            }
            PassKind::Backward | PassKind::BackwardInput => {
                let first = forward.get(&key).copied();
                let compute = Picos(part.backward.0 / SLICES);
                // The last layers come first.
                passes.extend((0..SLICES as usize).rev().map(|slice| OffloadedPass {
                    compute,
                    fetch: bytes,
                    fetch_from: first.map(|first| first + slice),
                    store: 0,
                }));
            }
            // Its time is in the pass before; the activations are still there.
            PassKind::BackwardWeight => {}
        }
    }
    run(device, placement, &passes)
}

/// Waits of an update that takes `update` while its state comes from behind device memory and goes back.
pub(super) fn of_optimizer(
    device: &Device,
    placement: &Placement,
    update: Picos,
    bytes: u64,
) -> Result<OffloadRecord, SimulationError> {
    let piece = OffloadedPass {
        compute: Picos(update.0 / PIECES),
        fetch: bytes / PIECES,
        fetch_from: None,
        store: bytes / PIECES,
    };
    run(device, placement, &vec![piece; PIECES as usize])
}

fn run(
    device: &Device,
    placement: &Placement,
    passes: &[OffloadedPass],
) -> Result<OffloadRecord, SimulationError> {
    let refuse = |reason: String| SimulationError::Machine { device: device.name.clone(), reason };
    let tier = device.tiers.get(placement.tier as usize);
    let tier = tier.ok_or_else(|| refuse("it has no such tier behind its memory".to_owned()))?;
    let rules = OffloadRules { prefetch: placement.prefetch, buffer: placement.buffer };
    offload(passes, &OffloadLink::to(tier), &rules).map_err(|error| refuse(error.to_string()))
}
