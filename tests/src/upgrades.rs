//! One resource of a machine made better.

use memwall_hardware::{Device, TierKind};
use memwall_units::{Bytes, Picos};
use proptest::prelude::*;

/// One resource made better by a factor of at least 1.
#[derive(Debug, Clone)]
pub struct Upgrade {
    /// Which.
    pub resource: Resource,
    /// How much better.
    pub factor: f64,
    /// Whose: one of the tiers from the registers to device memory.
    pub tier: prop::sample::Index,
}

/// What a machine can have more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Of one tier, towards the cores.
    Bandwidth,
    /// Of one tier, away from the cores.
    WriteBandwidth,
    /// Of one tier.
    Capacity,
    /// Of one tier; less is better.
    Latency,
    /// Of one tier's bandwidth, at most 1.
    Efficiency,
    /// In every format.
    MatrixPeak,
    /// In every format.
    VectorPeak,
    /// The peaks stay: more and slower units.
    Cores,
    /// The board's limit.
    Power,
}

/// Any resource of any tier, up to eight times better.
pub fn upgrades() -> impl Strategy<Value = Upgrade> {
    let resource = prop::sample::select(vec![
        Resource::Bandwidth,
        Resource::WriteBandwidth,
        Resource::Capacity,
        Resource::Capacity,
        Resource::Latency,
        Resource::Efficiency,
        Resource::MatrixPeak,
        Resource::VectorPeak,
        Resource::Cores,
        Resource::Power,
    ]);
    (resource, 1.0_f64..8.0, any::<prop::sample::Index>()).prop_map(|(resource, factor, tier)| Upgrade {
        resource,
        factor,
        tier,
    })
}

impl Upgrade {
    /// Makes `device` better.
    pub fn apply(&self, device: &mut Device) {
        let factor = self.factor;
        let on_path = |kind: TierKind| !matches!(kind, TierKind::Host | TierKind::Storage);
        let count = device.tiers.iter().filter(|tier| on_path(tier.kind)).count();
        let tier = &mut device.tiers[self.tier.index(count)];
        match self.resource {
            Resource::Bandwidth => {
                // A write bandwidth of its own is another resource and stays.
                if tier.write_bandwidth.is_none() {
                    tier.write_bandwidth = Some(tier.bandwidth.clone());
                }
                tier.bandwidth.value.0 *= factor;
            }
            Resource::WriteBandwidth => {
                let write = tier.write_bandwidth.get_or_insert_with(|| tier.bandwidth.clone());
                write.value.0 *= factor;
            }
            Resource::Capacity => {
                tier.capacity.value = Bytes((tier.capacity.value.as_f64() * factor) as u64);
            }
            Resource::Latency => {
                tier.latency.value = Picos((tier.latency.value.0 as f64 / factor) as u64);
            }
            Resource::Efficiency => tier.efficiency.value = (tier.efficiency.value * factor).min(1.0),
            Resource::MatrixPeak => device.matrix.peak.values_mut().for_each(|rate| rate.value.0 *= factor),
            Resource::VectorPeak => device.vector.peak.values_mut().for_each(|rate| rate.value.0 *= factor),
            Resource::Cores => {
                device.cores.value = (f64::from(device.cores.value) * factor).min(1e6) as u32;
            }
            Resource::Power => device.power.tdp.value.0 *= factor,
        }
    }
}
