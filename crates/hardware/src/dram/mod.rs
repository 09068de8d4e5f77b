//! DRAM chips as a memory controller sees them: how they are organized, how fast their pins are, and how long
//! each command keeps the next one waiting.
//!
//! A [`DramPart`] is data. What follows from it (which command may be issued when) is the business of the
//! simulator's `request` fidelity.

mod clocks;
mod part;
mod table;

pub use clocks::DramClocks;
pub use part::{DramOrganization, DramPart, DramStandard};
pub use table::{dram_part, dram_parts};
