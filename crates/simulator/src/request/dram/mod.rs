//! DRAM at the level of commands.

mod channel;
mod low_power;
mod queue;
mod scheduler;
mod state;
mod timing;

pub use channel::{
    Accepted, Channel, ChannelCounts, ChannelOptions, DramCommand, Issued, PagePolicy, Place, RefreshPolicy,
    Served,
};
pub use timing::{Distance, DramTiming, LowPower};
