//! Physical quantities with checked arithmetic and units in text.
//!
//! Every quantity is a newtype, so that bytes cannot be added to picoseconds. Counts that must be exact
//! ([`Picos`], [`Bytes`], [`Flops`]) are integers; rates are `f64`. Each parses from text with a unit
//! (`"3.35 TB/s"`) and prints back in the unit a person would choose.
//!
//! ```
//! use memwall_units::{Bytes, BytesPerSec};
//! let bandwidth: BytesPerSec = "3.35 TB/s".parse().unwrap();
//! let weights: Bytes = "16 GB".parse().unwrap();
//! assert_eq!(bandwidth.time_for(weights).to_string(), "4.776 ms");
//! ```

mod count;
mod error;
mod picos;
mod quantity;
mod rate;
mod text;

pub use count::{Bytes, Flops};
pub use error::UnitError;
pub use picos::Picos;
pub use quantity::{Quantity, parse_quantity};
pub use rate::{Area, BytesPerSec, FlopsPerSec, Hertz, Joules, Watts};
