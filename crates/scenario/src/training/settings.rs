//! What a software profile decides about the graphs of a training run.

use memwall_hardware::SoftwareProfile;
use memwall_model_graph::{TrainingSettings, UpdatePasses};

/// What `software` decides about the graphs of a training run.
#[must_use]
pub fn training_settings(software: &SoftwareProfile) -> TrainingSettings {
    let own = &software.training;
    TrainingSettings {
        overlaps_gradients: own.overlaps_gradients,
        overlaps_tensor: own.overlaps_tensor,
        fuses_gradients: own.fuses_gradients,
        recomputes_whole_layers: own.recomputes_whole_layers,
        passes: UpdatePasses {
            zero: own.zero_pass,
            copy: own.copy_pass,
            unscale: own.unscale_pass,
            clip: own.clip_pass,
        },
    }
}
