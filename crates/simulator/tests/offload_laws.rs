//! Laws of offloading: copies are hidden as far as passes and the link allow, and what is not hidden is booked.

use memwall_simulator::offload::{
    OffloadError, OffloadLink, OffloadRecord, OffloadRules, OffloadedPass, offload,
};
use memwall_units::Picos;
use proptest::prelude::*;

/// One byte a nanosecond each way.
const LINK: OffloadLink = OffloadLink { read: 1e9, write: 1e9, latency: Picos::ZERO, half_duplex: false };
const AHEAD: OffloadRules = OffloadRules { prefetch: true, buffer: 0 };

fn ns(time: u64) -> Picos {
    Picos(time * 1000)
}

fn pass(compute: u64, fetch: u64, store: u64) -> OffloadedPass {
    OffloadedPass { compute: ns(compute), fetch, store, fetch_from: None }
}

fn ran(passes: &[OffloadedPass], link: OffloadLink, rules: OffloadRules) -> OffloadRecord {
    offload(passes, &link, &rules).expect("it runs")
}

#[test]
fn what_is_not_offloaded_costs_nothing() {
    let record = ran(&[pass(10, 0, 0), pass(20, 0, 0)], LINK, AHEAD);
    assert_eq!((record.wall, record.exposed()), (ns(30), Picos::ZERO));
    assert_eq!(ran(&[], LINK, AHEAD), OffloadRecord::default());
}

/// Weights fetched for each of four passes: half as long as the passes, only the first is waited for. Twice as long, the
/// link is busy all the time and the last pass ends behind it.
#[test]
fn prefetch_hides_copies_that_are_shorter_than_passes() {
    let latency = OffloadLink { latency: ns(3), ..LINK };
    let short = ran(&[pass(100, 50, 0); 4], latency, AHEAD);
    assert_eq!(short.exposed(), ns(53));
    assert_eq!(short.waiting_for_fetch, ns(53));
    let long = ran(&[pass(100, 200, 0); 4], latency, AHEAD);
    assert_eq!(long.wall, ns(4 * 200 + 3 + 100));
}

#[test]
fn without_prefetch_every_copy_is_waited_for() {
    let link = OffloadLink { latency: ns(3), ..LINK };
    let record = ran(&[pass(100, 50, 0); 4], link, OffloadRules { prefetch: false, buffer: 0 });
    assert_eq!(record.exposed(), ns(4 * 53));
    assert_eq!(record.buffers, 100, "room for one pass each way");
}

/// Optimizer state comes and goes: each way takes 80 a pass, both at once on a link with two directions, one after the
/// other on one without.
#[test]
fn both_ways_share_a_link_that_has_one_direction_at_a_time() {
    let passes = [pass(10, 80, 80); 5];
    let full = ran(&passes, LINK, AHEAD);
    assert_eq!(full.wall, ns(5 * 80 + 10 + 80));
    assert_eq!(full.tail, ns(80));
    let half = ran(&passes, OffloadLink { half_duplex: true, ..LINK }, AHEAD);
    assert!(half.wall >= ns(10 * 80), "{}", half.wall);
}

/// Activations that forward passes leave and backward passes fetch, last first: hidden behind passes that take longer,
/// but for those of the last forward pass, which the first backward pass wants at once.
#[test]
fn activations_come_back_in_the_backward_pass() {
    let mut passes = vec![pass(100, 0, 60); 4];
    for from in (0..4).rev() {
        passes.push(OffloadedPass { fetch_from: Some(from), ..pass(200, 60, 0) });
    }
    let record = ran(&passes, LINK, AHEAD);
    assert_eq!((record.fetched, record.stored), (240, 240));
    assert_eq!(record.exposed(), ns(120), "out and in again");
    let wrong = [OffloadedPass { fetch_from: Some(0), ..pass(1, 1, 0) }];
    assert_eq!(offload(&wrong, &LINK, &AHEAD), Err(OffloadError::Order { pass: 0, from: 0 }));
}

#[test]
fn what_cannot_be_run_says_why() {
    let message = |passes: &[OffloadedPass], link: &OffloadLink, buffer: u64| {
        let rules = OffloadRules { prefetch: true, buffer };
        offload(passes, link, &rules).expect_err("it cannot be run").to_string()
    };
    assert_eq!(
        message(&[pass(1, 5000, 0)], &LINK, 4000),
        "the buffer of 4 kB is smaller than the 5 kB that one pass fetches or stores"
    );
    let dead = OffloadLink { write: 0.0, ..LINK };
    assert_eq!(
        message(&[pass(1, 1, 1)], &dead, 0),
        "the link to the memory behind carries nothing: 1000000000 bytes/s one way and 0 the other"
    );
    let long = OffloadedPass { compute: Picos(u64::MAX / 2), ..OffloadedPass::default() };
    assert_eq!(message(&[long; 2], &LINK, 0), "the passes and copies would take longer than 213 days");
}

fn any_passes() -> impl Strategy<Value = Vec<OffloadedPass>> {
    let one = (0u64..200, 0u64..300, 0u64..300, proptest::option::of(0usize..40));
    proptest::collection::vec(one, 0..40).prop_map(|passes| {
        let of = |(index, (compute, fetch, store, from)): (usize, (u64, u64, u64, Option<usize>))| {
            OffloadedPass { fetch_from: from.filter(|from| *from < index), ..pass(compute, fetch, store) }
        };
        passes.into_iter().enumerate().map(of).collect()
    })
}

proptest! {
    /// Every wait is booked, all bytes are copied, nothing is quicker than the passes or the link, and on a link with two
    /// directions copying ahead never costs time.
    #[test]
    fn books_close_and_nothing_beats_the_link(
        passes in any_passes(),
        read in 1u32..40, write in 1u32..40, latency in 0u64..50, half_duplex in any::<bool>(),
        buffer in 300u64..2000,
    ) {
        let [read, write] = [read, write].map(|tenths| f64::from(tenths) * 1e8);
        let link = OffloadLink { read, write, latency: ns(latency), half_duplex };
        let record = ran(&passes, link, OffloadRules { prefetch: true, buffer });
        let waits = record.waiting_for_fetch.0 + record.waiting_for_store.0 + record.tail.0;
        prop_assert_eq!(record.compute.0 + waits, record.wall.0);
        prop_assert_eq!(record.compute.0, passes.iter().map(|pass| pass.compute.0).sum::<u64>());
        prop_assert_eq!(record.fetched, passes.iter().map(|pass| pass.fetch).sum::<u64>());
        prop_assert_eq!(record.stored, passes.iter().map(|pass| pass.store).sum::<u64>());
        let [fetching, storing] = [record.fetched as f64 / read, record.stored as f64 / write];
        let least = if half_duplex { fetching + storing } else { fetching.max(storing) };
        prop_assert!(record.wall.as_secs_f64() >= least * (1.0 - 1e-9));
        if !half_duplex {
            let behind = ran(&passes, link, OffloadRules { prefetch: false, buffer });
            prop_assert!(record.wall <= behind.wall, "{} ahead, {} without", record.wall, behind.wall);
        }
    }
}
