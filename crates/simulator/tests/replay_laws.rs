//! Laws of replays: physics, books that close, the same again, and agreement with the experiments on one channel.

use memwall_hardware::dram_part;
use memwall_simulator::request::{
    Access, AddressOrder, CacheConfig, ChannelOptions, Pattern, PatternPlan, RefreshPolicy, ReplayError,
    ReplayLimits, ReplayRecord, ReplaySetup, Walk, When, replay,
};
use memwall_units::{Bytes, Picos};
use proptest::prelude::*;

fn setup(part: &str, channels: u32) -> ReplaySetup {
    ReplaySetup {
        part: dram_part(part).expect("a known part"),
        channels,
        controller: ChannelOptions::default(),
        order: AddressOrder::Spread,
        caches: Vec::new(),
        path: Picos::ZERO,
        outstanding: 0,
        interval: Picos::ZERO,
        limits: ReplayLimits::default(),
        seed: 1,
    }
}

fn run(setup: &ReplaySetup, accesses: &[Access]) -> Result<ReplayRecord, ReplayError<String>> {
    replay(setup, accesses.iter().copied().map(Ok))
}

fn pattern(walk: Walk, bytes: u32, read_percent: u32, requests: u64) -> Vec<Access> {
    let footprint = Bytes(1 << 26);
    Pattern::new(PatternPlan { walk, footprint, bytes, read_percent, requests, seed: 5 }).collect()
}

fn setups() -> impl Strategy<Value = ReplaySetup> {
    let part =
        prop::sample::select(vec!["HBM2_2000", "HBM3_6400", "DDR4_3200AA", "DDR5_6400AN", "LPDDR5_6400"]);
    let refresh =
        prop::sample::select(vec![RefreshPolicy::None, RefreshPolicy::AllBanks, RefreshPolicy::PerBank]);
    let order = prop::sample::select(AddressOrder::ALL.map(|(_, order)| order).to_vec());
    (part, 1_u32..6, refresh, order, 0_u32..50, 0_u32..20, 0_usize..3).prop_map(
        |(part, channels, refresh, order, outstanding, mshrs, levels)| {
            let mut setup = setup(part, channels);
            setup.controller.refresh = refresh;
            (setup.order, setup.outstanding) = (order, outstanding);
            for (name, size) in [("l1", 4 << 10), ("l2", 64 << 10)].into_iter().take(levels) {
                let mut cache = CacheConfig::new(name, Bytes(size), 4);
                (cache.mshrs, cache.latency) = (mshrs, Picos(5000));
                setup.caches.push(cache);
            }
            setup
        },
    )
}

fn accesses() -> impl Strategy<Value = Vec<Access>> {
    let at =
        prop_oneof![3 => Just(None), 1 => (0_u64..5_000_000).prop_map(|time| Some(When::Time(Picos(time))))];
    let access = (0_u64..1 << 18, 1_u32..600, any::<bool>(), at)
        .prop_map(|(address, bytes, write, at)| Access { address, bytes, write, at });
    prop::collection::vec(access, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn books_close_and_physics_holds(setup in setups(), accesses in accesses()) {
        let record = run(&setup, &accesses).expect("a result");
        let dram = &record.dram;
        prop_assert_eq!(record.requests, accesses.len() as u64);
        prop_assert_eq!(record.reads + record.writes, record.requests);
        prop_assert_eq!(record.bytes.0, accesses.iter().map(|access| u64::from(access.bytes)).sum::<u64>());
        prop_assert_eq!(dram.bytes.0, (dram.reads + dram.writes) * u64::from(setup.part.burst_bytes()));
        prop_assert_eq!(dram.row_hits + dram.row_misses + dram.row_conflicts, dram.reads + dram.writes);
        prop_assert!(dram.fraction_of_peak <= 1.0 + 1e-9, "{}", dram.fraction_of_peak);
        let latency = &record.read_latency;
        prop_assert!(latency.p50 <= latency.p90 && latency.p90 <= latency.p99 && latency.p99 <= latency.max);
        prop_assert!(latency.mean <= latency.max && latency.max <= record.time);
        for cache in &record.caches {
            prop_assert_eq!(cache.hits + cache.misses, cache.accesses);
            prop_assert!(cache.evictions <= cache.fills);
        }
        if setup.caches.is_empty() {
            prop_assert!(dram.bytes.0 + dram.merged * u64::from(setup.part.burst_bytes()) >= record.bytes.0);
        }
        prop_assert_eq!(run(&setup, &accesses).expect("the same"), record);
    }
}

/// With banks interleaved, a stream of addresses is the stream of the experiment, but for when rows change.
#[test]
fn a_stream_reaches_what_the_experiment_reaches() {
    for (part, expected) in [("HBM2_2000_2Gb", 0.945), ("DDR4_2400R_8Gb", 0.951), ("LPDDR5_6400_8Gb", 0.9335)]
    {
        let mut setup = setup(part, 1);
        setup.order = AddressOrder::BankInterleaved;
        let record = run(&setup, &pattern(Walk::Stream, 64, 100, 60_000)).expect("a result");
        let found = record.dram.fraction_of_peak;
        assert!((found - expected).abs() < 0.015, "{part}: {found} for {expected}");
    }
}

/// Channels work side by side: four move four times as much.
#[test]
fn bandwidth_scales_with_channels() {
    let accesses = pattern(Walk::Random, 64, 100, 40_000);
    let one = run(&setup("HBM3_6400", 1), &accesses).expect("a result");
    let four = run(&setup("HBM3_6400", 4), &accesses).expect("a result");
    let times = four.bandwidth.0 / one.bandwidth.0;
    assert!((3.5..4.1).contains(&times), "{times}");
}

/// A footprint that fits the cache is read from DRAM once; then all hits, at the cache's latency.
#[test]
fn what_fits_the_cache_is_read_once() {
    let mut setup = setup("DDR4_3200AA", 1);
    let mut cache = CacheConfig::new("l2", Bytes(1 << 20), 16);
    cache.latency = Picos(20_000);
    setup.caches.push(cache);
    let plan = PatternPlan {
        walk: Walk::Stream,
        footprint: Bytes(1 << 19),
        bytes: 64,
        read_percent: 100,
        requests: 81_920,
        seed: 1,
    };
    let record = replay(&setup, Pattern::new(plan).map(Ok::<_, String>)).expect("a result");
    assert_eq!(record.dram.bytes.0, 1 << 19);
    assert_eq!(record.caches[0].misses, 8192);
    assert!((record.caches[0].hit_rate - 0.9).abs() < 1e-12);
    assert!((20_000..20_200).contains(&record.read_latency.p50.0), "{}", record.read_latency.p50);
}

/// Long pauses are skipped, with refreshes counted and rows closed by them.
#[test]
fn pauses_cost_nothing_but_are_there() {
    let hour = Picos(3_600_000_000_000_000);
    let at = |time| Access { address: 0, bytes: 64, write: false, at: Some(When::Time(Picos(time))) };
    let accesses = [at(0), at(1_000_000_000_000), at(hour.0)];
    let record = run(&setup("DDR4_3200AA", 2), &accesses).expect("a result");
    assert!(record.time >= hour);
    assert_eq!((record.dram.row_misses, record.dram.row_hits), (3, 0));
    // Two channels, a refresh every 7.8 us.
    let expected = 2.0 * 3600.0 / 7.8e-6;
    assert!((record.dram.refreshes as f64 / expected - 1.0).abs() < 0.001, "{}", record.dram.refreshes);
    let later = [at(0), at(hour.0 + 1)];
    let error = run(&setup("DDR4_3200AA", 2), &later).expect_err("too long");
    assert_eq!(error, ReplayError::TooLong { access: 2, limit: hour });
}

#[test]
fn limits_and_nonsense_are_told() {
    let mut few = setup("HBM3_6400", 1);
    few.limits.requests = 10;
    assert_eq!(run(&few, &pattern(Walk::Random, 64, 100, 11)), Err(ReplayError::TooMany(10)));
    assert_eq!(run(&setup("HBM3_6400", 1), &[]), Err(ReplayError::Empty));
    assert!(matches!(run(&setup("HBM3_6400", 0), &[]), Err(ReplayError::Setup(_))));
    let edge = Access { address: u64::MAX, bytes: 1 << 20, write: true, at: None };
    assert_eq!(run(&setup("HBM3_6400", 3), &[edge]).map(|record| record.writes), Ok(1));
}
