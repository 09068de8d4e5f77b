//! A page that stands alone: charts, tables and text in one HTML file that needs no network.
//!
//! [`Page`] takes anything said in the types of [`crate::chart`]. Charts are there as SVG before the script runs, in two
//! widths of which the style sheet shows one; the script adds what one can do with them: asking marks what they are,
//! zooming, filtering, going through a timeline.

mod page;
mod parts;

pub use page::Page;
