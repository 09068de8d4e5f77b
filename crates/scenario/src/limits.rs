//! Bounds on what is read, so that no input takes unbounded time or memory.

/// Largest scenario (or `config.json`) read, in bytes.
pub const MAX_TEXT_BYTES: usize = 8 << 20;
/// Deepest nesting of mappings and lists.
pub const MAX_DEPTH: usize = 64;
/// Most values in one document, those that aliases repeat included.
pub const MAX_NODES: usize = 250_000;
/// Most cases of one scenario.
pub const MAX_CASES: usize = 10_000;
/// Longest chain of scenarios that extend each other.
pub const MAX_EXTENDS: usize = 16;
/// Most points of one microbenchmark.
pub const MAX_POINTS: usize = 2_000;
/// Most points of all microbenchmarks of one scenario.
pub const MAX_SCENARIO_POINTS: usize = 100_000;
/// Most rows of a file of measured points.
pub const MAX_ROWS: usize = 20_000;
/// Most problems shown of one scenario; the rest are counted.
pub const MAX_DIAGNOSTICS: usize = 20;
