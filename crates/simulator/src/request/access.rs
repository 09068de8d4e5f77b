//! One access of a trace or a pattern.

use memwall_units::Picos;

/// The most bytes one access may have; more is surely a mistake.
pub const MAX_ACCESS_BYTES: u32 = 1 << 20;

/// A read or write of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Address of the first byte.
    pub address: u64,
    /// How many bytes, from 1 to [`MAX_ACCESS_BYTES`].
    pub bytes: u32,
    /// Whether they are written.
    pub write: bool,
    /// When it is made, if the trace says so.
    pub at: Option<When>,
}

/// A time in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Since the start.
    Time(Picos),
    /// In clocks of the DRAM's command bus.
    Clock(u64),
}
