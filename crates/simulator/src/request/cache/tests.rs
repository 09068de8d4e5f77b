//! Caches against what is known of them by other means.

use memwall_units::Bytes;
use proptest::prelude::*;

use super::*;

fn cache(size: u64, ways: u32, change: impl Fn(&mut CacheConfig)) -> CacheConfig {
    let mut config = CacheConfig::new("l1", Bytes(size), ways);
    change(&mut config);
    config
}

fn counts(hierarchy: &Hierarchy) -> Vec<CacheCounts> {
    hierarchy.levels().map(|(_, counts)| counts).collect()
}

/// Plays line numbers as 64-byte reads; says which hit.
fn play(config: CacheConfig, numbers: &[u64]) -> Vec<bool> {
    let mut hierarchy = Hierarchy::new(&[config], 1).expect("valid");
    let mut operations = Vec::new();
    numbers.iter().map(|number| hierarchy.access(number * 64, 64, false, &mut operations) == 0).collect()
}

/// Mattson's rule: an LRU cache of `n` lines hits exactly when fewer than `n` other lines were used since.
fn hits_by_stack_distance(numbers: &[u64], lines: usize) -> Vec<bool> {
    let mut stack: Vec<u64> = Vec::new();
    numbers
        .iter()
        .map(|number| {
            let depth = stack.iter().rev().position(|used| used == number);
            stack.retain(|used| used != number);
            stack.push(*number);
            depth.is_some_and(|depth| depth < lines)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn lru_hits_by_stack_distance(numbers in prop::collection::vec(0_u64..40, 1..400), lines in 1_u64..32) {
        let hits = play(cache(64 * lines, 0, |_| ()), &numbers);
        prop_assert_eq!(hits, hits_by_stack_distance(&numbers, lines as usize));
    }

    /// A set-associative cache is one small LRU cache a set.
    #[test]
    fn sets_are_caches_of_their_own(numbers in prop::collection::vec(0_u64..200, 1..400), sets in 1_u64..9, ways in 1_u32..5) {
        let hits = play(cache(64 * sets * u64::from(ways), ways, |_| ()), &numbers);
        for set in 0..sets {
            let own: Vec<usize> = (0..numbers.len()).filter(|&at| numbers[at] % sets == set).collect();
            let of_set: Vec<u64> = own.iter().map(|&at| numbers[at]).collect();
            let expected = hits_by_stack_distance(&of_set, ways as usize);
            prop_assert_eq!(own.iter().map(|&at| hits[at]).collect::<Vec<_>>(), expected);
        }
    }

    /// With two ways the tree of PLRU is one bit, and exact.
    #[test]
    fn plru_of_two_ways_is_lru(numbers in prop::collection::vec(0_u64..20, 1..300)) {
        let lru = play(cache(1024, 2, |_| ()), &numbers);
        let plru = play(cache(1024, 2, |config| config.replacement = Replacement::Plru), &numbers);
        prop_assert_eq!(lru, plru);
    }

    /// The books of every level close, whatever it is made of.
    #[test]
    fn books_close(
        accesses in prop::collection::vec((0_u64..8192, 1_u64..64, any::<bool>()), 1..300),
        replacement in prop::sample::select(vec![Replacement::Lru, Replacement::Plru, Replacement::Random]),
        through in any::<bool>(),
        write_allocate in any::<bool>(),
        fetch_on_write in any::<bool>(),
        sectored in any::<bool>(),
        prefetch in prop::sample::select(vec![Prefetch::None, Prefetch::NextLine, Prefetch::Stride]),
    ) {
        let change = |config: &mut CacheConfig| {
            config.replacement = replacement;
            config.write = if through { WritePolicy::Through } else { WritePolicy::Back };
            config.write_allocate = write_allocate;
            config.fetch_on_write = fetch_on_write;
            config.sector = Bytes(if sectored { 32 } else { 0 });
            config.prefetch = prefetch;
        };
        let configs = [cache(512, 4, change), cache(2048, 8, change)];
        let mut hierarchy = Hierarchy::new(&configs, 9).expect("valid");
        let mut operations = Vec::new();
        for &(address, bytes, write) in &accesses {
            let bytes = bytes.min(64 - address % 64);
            let missed = hierarchy.access(address, bytes, write, &mut operations);
            prop_assert!(missed <= 2);
            if !write && prefetch == Prefetch::None {
                // What was read is now there.
                prop_assert_eq!(hierarchy.access(address, bytes, false, &mut operations), 0);
            }
        }
        for (level, counts) in counts(&hierarchy).into_iter().enumerate() {
            prop_assert_eq!(counts.hits + counts.misses, counts.accesses);
            prop_assert_eq!(counts.fills - counts.evictions, hierarchy.resident(level));
            prop_assert!(counts.writebacks <= counts.evictions && counts.useful_prefetches <= counts.prefetches);
            prop_assert!(!through || counts.writebacks == 0);
        }
        for operation in operations {
            prop_assert!(operation.bytes > 0 && operation.address.is_multiple_of(8) || operation.reason == Reason::Write);
        }
    }

    /// Nothing written is lost: what was evicted and what is still there add up to all lines written.
    #[test]
    fn dirty_lines_are_written_once(numbers in prop::collection::vec(0_u64..64, 1..300)) {
        let mut hierarchy = Hierarchy::new(&[cache(1024, 4, |_| ())], 1).expect("valid");
        let mut operations = Vec::new();
        for number in &numbers {
            hierarchy.access(number * 64, 64, true, &mut operations);
        }
        // Whole lines were written: nothing is read, and every line out was dirty.
        prop_assert!(operations.iter().all(|operation| operation.reason == Reason::Write));
        let counts = counts(&hierarchy)[0];
        prop_assert_eq!(counts.writebacks, counts.evictions);
        prop_assert_eq!(operations.len() as u64, counts.evictions);
        prop_assert_eq!(counts.fills, counts.evictions + hierarchy.resident(0));
    }
}

/// Cycling through one line more than fit never hits under LRU; under random replacement it does.
#[test]
fn lru_thrashes_where_random_does_not() {
    let cycle: Vec<u64> = (0..17 * 200).map(|index| index % 17).collect();
    let share = |replacement| {
        let hits = play(cache(1024, 0, |config| config.replacement = replacement), &cycle);
        hits.iter().filter(|hit| **hit).count() as f64 / hits.len() as f64
    };
    assert_eq!(share(Replacement::Lru), 0.0);
    assert!(share(Replacement::Random) > 0.7);
}

/// A sector cache fetches a quarter of a line at a time; the rest of the line misses as a sector.
#[test]
fn sectors_come_one_by_one() {
    let config = cache(4096, 4, |config| {
        config.line = Bytes(128);
        config.sector = Bytes(32);
    });
    let mut hierarchy = Hierarchy::new(&[config], 1).expect("valid");
    let mut operations = Vec::new();
    for address in [0, 0, 32, 96, 64] {
        hierarchy.access(address, 32, false, &mut operations);
    }
    let counts = counts(&hierarchy)[0];
    assert_eq!((counts.hits, counts.misses, counts.sector_misses, counts.fills), (1, 4, 3, 1));
    assert!(operations.iter().all(|operation| operation.bytes == 32));
}

/// A stream reads every second line, or nearly every one, ahead.
#[test]
fn prefetchers_follow_a_stream() {
    for (prefetch, useful) in [(Prefetch::NextLine, 990), (Prefetch::Stride, 900)] {
        let config = cache(4096, 4, |config| config.prefetch = prefetch);
        let mut hierarchy = Hierarchy::new(&[config], 1).expect("valid");
        let mut operations = Vec::new();
        for line in 0..1000 {
            hierarchy.access(line * 64, 64, false, &mut operations);
        }
        let counts = counts(&hierarchy)[0];
        assert!(counts.useful_prefetches >= useful, "{prefetch:?}: {counts:?}");
        assert!(counts.hits >= useful, "{prefetch:?}: {counts:?}");
    }
}

#[test]
fn what_cannot_be_built_is_refused() {
    let wrong: [(&str, CacheConfig); 7] = [
        ("power of two", cache(1024, 4, |config| config.line = Bytes(48))),
        ("does not divide", cache(1024, 4, |config| config.sector = Bytes(128))),
        ("whole lines", cache(1000, 4, |_| ())),
        ("whole sets", cache(1024, 5, |_| ())),
        ("whole lines", cache(0, 4, |_| ())),
        ("too many", cache(1 << 40, 4, |_| ())),
        ("plru", cache(64 * 6, 6, |config| config.replacement = Replacement::Plru)),
    ];
    for (what, config) in wrong {
        let error = Hierarchy::new(&[config], 1).expect_err(what);
        assert!(error.contains(what), "{what}: {error}");
    }
}
