//! What the laws are tested on: random machines, models and operator graphs, and one way to run them.

pub mod dags;
pub mod machines;
pub mod models;
pub mod runs;
pub mod upgrades;

use proptest::test_runner::{Config, RngSeed};

/// `cases` random cases, the same ones in every run. `PROPTEST_RNG_SEED` chooses others, and `PROPTEST_CASES` scales
/// their number (256 is once).
#[must_use]
pub fn cases(cases: u32) -> Config {
    let given = Config::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0x6d65_6d77_616c_6c21),
        fixed => fixed,
    };
    let scaled = u64::from(cases) * u64::from(given.cases) / 256;
    let cases = u32::try_from(scaled).unwrap_or(u32::MAX).max(1);
    Config { cases, rng_seed, failure_persistence: None, max_shrink_iters: 200, ..given }
}
