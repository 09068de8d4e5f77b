//! What it runs on: engines, memory tiers, links and a catalog of real parts. Knows no models.

mod device;
mod figure;
mod software;

pub use device::{Device, Duplex, Engine, Host, Power, Scope, Tier, TierKind};
pub use figure::{Figure, Provenance};
pub use software::{LaunchMode, SoftwareProfile};
