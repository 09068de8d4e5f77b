//! What it runs on: engines, memory tiers, links and a catalog of real parts. Knows no models.
//!
//! ```
//! let device = memwall_hardware::catalog::device("h100")?;
//! assert_eq!(device.name, "h100-sxm");
//! let peak = device.matmul_peak("bf16").expect("every H100 multiplies bf16");
//! assert_eq!(peak.rate.to_string(), "989.4 TFLOP/s");
//! # Ok::<(), memwall_hardware::CatalogError>(())
//! ```

mod access;
mod attention;
pub mod catalog;
mod check;
mod communication;
mod device;
mod dram;
mod error;
mod experts;
pub mod fabric;
mod figure;
mod formats;
mod nearest;
mod overlay;
mod parameter;
mod peak;
mod read;
mod rows;
mod software;
mod spec;
mod system;
pub mod technology;
mod training;

pub use access::{Access, LoadCache, LoadCacheSpec, Placement, Threads, ThreadsSpec};
pub use attention::{
    AttentionCall, AttentionKernel, AttentionKernelSpec, AttentionKernels, AttentionKernelsSpec, Packing,
    Splits,
};
pub use communication::{
    ChunkProtocol, CommunicationLibrary, DEFAULT_GENERATION, DirectProtocol, FlagProtocol, InNetwork,
    LinkProtocols,
};
pub use device::{Device, Duplex, Engine, Host, Power, Scope, Tier, TierDram, TierKind};
pub use dram::{DramClocks, DramOrganization, DramPart, DramStandard, dram_part, dram_parts};
pub use error::{CatalogError, HardwareError};
pub use experts::{ExpertKernels, ExpertKernelsSpec, ExpertTile};
pub use fabric::{
    Fabric, FabricLevel, FabricLink, FabricLinkFigures, FabricSpec, LevelSpec, LinkOverrideSpec, LinkSpec,
    PortsSpec, RouteError, RoutingSpec, Topology, TopologySpec,
};
pub use figure::{Figure, Provenance};
pub use formats::{FORMATS, widening};
pub use nearest::nearest;
pub use overlay::overlay;
pub use parameter::{DeviceParameter, ParameterUnit};
pub use peak::{MatmulOn, Peak};
pub use rows::FigureRow;
pub use software::{LaunchMode, RowKernel, RowKernels, SoftwareProfile, SoftwareSpec};
pub use spec::{DeviceSpec, DramSpec, EngineSpec, HostSpec, PowerSpec, ScopeSpec, TierSpec};
pub use system::{System, SystemSpec};
pub use technology::{
    AreaEstimate, AreaModel, CostEstimate, EnergyModel, Estimate, Silicon, TechnologySpec, area, peak_power,
    unit_cost,
};
pub use training::TrainingSoftware;
