//! Many runs: cases, grids and comparisons.
