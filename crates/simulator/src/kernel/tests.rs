//! The kernel engine against closed forms, and against itself with less cleverness.

use proptest::prelude::*;

use super::*;
use crate::chip::EngineKind;
use crate::plan::{Choice, Compute, EngineShare, WaveGroup};
use memwall_hardware::{Duplex, catalog};
use memwall_units::BytesPerSec;

const STEPPED: Mode = Mode { jumps: false, folded: true, event_limit: 10_000_000 };
const JUMPING: Mode = Mode { jumps: true, ..STEPPED };
const UNFOLDED: Mode = Mode { folded: false, ..STEPPED };

/// An H100 with this many cores, and L2 and HBM of these bandwidths (bytes per second) and latencies (ps).
fn chip(units: u32, l2: (f64, u64), hbm: (f64, u64)) -> Chip {
    let mut device = catalog::device("h100-sxm").expect("the catalog has it");
    device.cores.value = units;
    for (name, (rate, latency)) in [("l2", l2), ("hbm", hbm)] {
        let tier = device.tiers.iter_mut().find(|tier| tier.name == name).expect("it has the tier");
        tier.bandwidth.value = BytesPerSec(rate);
        tier.latency.value = Picos(latency);
        tier.efficiency.value = 1.0;
        tier.mixed_efficiency = None;
        tier.write_bandwidth = None;
        tier.in_flight = None;
        tier.duplex = Duplex::Half;
    }
    Chip::new(&device, &catalog::software("generic").expect("the catalog has it")).expect("a sound machine")
}

fn traffic(l2: f64, hbm: f64) -> Traffic {
    let mut traffic = Traffic::default();
    traffic.read[0] = l2;
    traffic.read[1] = hbm;
    traffic
}

fn stores(l2: f64) -> Traffic {
    let mut traffic = Traffic::default();
    traffic.write[0] = l2;
    traffic
}

fn wave(units: u32, count: u64, steps: u64, load: Traffic, step_ps: u64) -> WaveGroup {
    WaveGroup {
        count,
        units,
        steps,
        load,
        store: Traffic::default(),
        epilogue: Traffic::default(),
        step_ps,
        slots: 3,
        accumulators: 2,
        tile_ps: 0,
        serial: false,
        tiled: false,
    }
}

fn plan(groups: Vec<WaveGroup>) -> KernelPlan {
    KernelPlan {
        groups,
        compute: Compute {
            primary: EngineKind::Matrix,
            shares: [EngineShare::default(); 3],
            feed: 0.0,
            feed_tier: 1,
            tile: 0.0,
            feed_bytes: [0.0; 3],
        },
        tile_bytes: 0.0,
        choice: Choice::Stream { chunk_bytes: 0 },
        lead_ps: 0,
    }
}

fn run_mode(chip: &Chip, plan: &KernelPlan, mode: Mode) -> KernelRun {
    run(chip, plan, mode).expect("the plan runs to its end")
}

#[test]
fn a_compute_bound_wave_takes_the_first_fill_and_then_its_steps() {
    // 4 cores x 1000 B at 1 TB/s: 4 ns a load, 2 ns latency, 100 ns a step.
    let chip = chip(4, (1e12, 1_000), (1e12, 2_000));
    let plan = plan(vec![wave(4, 1, 10, traffic(1000.0, 1000.0), 100_000)]);
    let run = run_mode(&chip, &plan, STEPPED);
    assert_eq!(run.duration, Picos(4_000 + 2_000 + 10 * 100_000));
    assert_eq!(run.book.ramp, 4 * 6_000);
    assert_eq!(run.book.compute, 4 * 1_000_000);
}

#[test]
fn a_memory_bound_wave_takes_its_bytes_over_the_bandwidth_and_blames_it() {
    // 4 cores x 1000 B at 0.1 TB/s: 40 ns a load; a step computes 1 ns.
    let chip = chip(4, (1e12, 1_000), (1e11, 2_000));
    let plan = plan(vec![wave(4, 1, 1000, traffic(1000.0, 1000.0), 1_000)]);
    let run = run_mode(&chip, &plan, JUMPING);
    assert_eq!(run.duration, Picos(1000 * 40_000 + 2_000 + 1_000));
    // The last load has left the link before it arrives: its last 2 ns are latency.
    assert_eq!(run.book.bandwidth[1], 4 * (999 * 39_000 - 2_000));
    assert_eq!(run.book.latency[1], 4 * 2_000);
    assert_eq!(run.book.bandwidth[0], 0);
}

#[test]
fn too_few_bytes_in_flight_are_blamed_on_latency() {
    // Three loads of 1000 B in flight cannot cover 1 us.
    let chip = chip(4, (1e12, 1_000), (1e12, 1_000_000));
    let plan = plan(vec![wave(4, 1, 300, traffic(1000.0, 1000.0), 1_000)]);
    let run = run_mode(&chip, &plan, JUMPING);
    let each_round = 1_000_000 + 4_000 + 1_000;
    assert!(
        run.duration.0 >= 100 * 1_000_000 && run.duration.0 <= 100 * each_round + 10_000,
        "{}",
        run.duration
    );
    assert!(run.book.latency[1] > 9 * run.book.bandwidth[1]);
}

#[test]
fn stores_of_a_wave_drain_behind_its_last_step_and_overlap_the_next_wave() {
    let chip = chip(4, (1e12, 1_000), (1e12, 1_000));
    let with_store = WaveGroup { epilogue: stores(10_000.0), ..wave(4, 5, 4, traffic(1000.0, 0.0), 50_000) };
    let overlapped = run_mode(&chip, &plan(vec![with_store]), STEPPED).duration.0;
    // Drain 4 x 10 kB at 1 TB/s = 40 ns: only the last one shows, give or take loads it slows.
    let busy = 5 * 4 * 50_000;
    assert!(overlapped >= busy + 40_000 && overlapped < busy + 40_000 + 30_000, "{overlapped}");
    let exposed = WaveGroup { accumulators: 1, ..with_store };
    let waiting = run_mode(&chip, &plan(vec![exposed]), STEPPED).duration.0;
    assert!(waiting >= busy + 5 * 40_000, "with one set of sums every drain shows: {waiting}");
}

#[test]
fn a_partial_wave_leaves_the_other_cores_idle_and_the_books_say_so() {
    let chip = chip(8, (1e12, 1_000), (1e12, 1_000));
    let run = run_mode(&chip, &plan(vec![wave(2, 1, 10, traffic(100.0, 100.0), 10_000)]), STEPPED);
    assert_eq!(run.book.occupancy, 6 * u128::from(run.duration.0));
}

#[test]
fn a_dead_link_is_an_error_that_names_the_level() {
    let chip = chip(4, (1e12, 1_000), (0.0, 1_000));
    assert_eq!(
        run(&chip, &plan(vec![wave(4, 1, 2, traffic(10.0, 10.0), 10)]), STEPPED),
        Err(Stuck::Level(1))
    );
}

#[test]
fn events_do_not_grow_with_steps_or_waves() {
    let chip = chip(4, (1e12, 1_000), (3e11, 2_000));
    let events = |count, steps| {
        let group =
            WaveGroup { epilogue: stores(500.0), ..wave(4, count, steps, traffic(1000.0, 700.0), 7_000) };
        run_mode(&chip, &plan(vec![group]), JUMPING).events
    };
    assert!(events(1_000_000, 1_000_000) <= 2 * events(100, 100));
}

fn any_group(units: u32) -> impl Strategy<Value = WaveGroup> {
    let sizes = (1..=units, 1_u64..6, 1_u64..40, 1_u64..200_000, 2_u32..5, 1_u32..3);
    let bytes = (0.0_f64..20_000.0, 0.0_f64..=1.0, 0.0_f64..2_000.0, 0.0_f64..40_000.0);
    (sizes, bytes).prop_map(
        |((units, count, steps, step_ps, slots, accumulators), (load, miss, store, epilogue))| WaveGroup {
            count,
            units,
            steps,
            load: traffic(load, load * miss),
            store: stores(if store < 1_000.0 { 0.0 } else { store }),
            epilogue: stores(epilogue),
            step_ps,
            slots,
            accumulators,
            tile_ps: 0,
            serial: false,
            tiled: false,
        },
    )
}

fn any_case() -> impl Strategy<Value = (Chip, KernelPlan)> {
    (1_u32..6).prop_flat_map(|units| {
        let rates = (1e10_f64..1e13, 1_000_u64..500_000, 1e10_f64..1e13, 1_000_u64..900_000);
        let groups = prop::collection::vec(any_group(units), 1..4);
        (Just(units), rates, groups).prop_map(|(units, (l2, l2_latency, hbm, hbm_latency), groups)| {
            (chip(units, (l2, l2_latency), (hbm, hbm_latency)), plan(groups))
        })
    })
}

fn book_total(book: &Book) -> u128 {
    let levels: u128 = book.bandwidth.iter().chain(&book.latency).sum();
    book.compute + book.ramp + book.capacity + book.occupancy + levels
}

fn same_to_one_ppm(a: u64, b: u64) -> bool {
    a.abs_diff(b) as f64 <= 1e-6 * a.max(b) as f64 + 2.0
}

proptest! {
    /// Every core-picosecond is booked, and links carry exactly the bytes of the plan.
    #[test]
    fn books_close_and_bytes_are_conserved((chip, plan) in any_case()) {
        let run = run_mode(&chip, &plan, STEPPED);
        prop_assert_eq!(book_total(&run.book), u128::from(chip.units) * u128::from(run.duration.0));
        let traffic = plan.traffic();
        for level in 0..2 {
            let planned = traffic.read[level] + traffic.write[level];
            prop_assert!((run.carried[level] - planned).abs() <= 1e-9 * planned + 1e-3);
            let most = chip.levels[level].read_rate * run.duration.as_secs_f64();
            prop_assert!(run.carried[level] <= most * (1.0 + 1e-9));
        }
    }

    /// A jump gives what its steps would have given.
    #[test]
    fn jumping_equals_stepping((chip, plan) in any_case()) {
        let stepped = run_mode(&chip, &plan, STEPPED);
        let jumped = run_mode(&chip, &plan, JUMPING);
        prop_assert!(same_to_one_ppm(stepped.duration.0, jumped.duration.0), "{} {}", stepped.duration, jumped.duration);
        prop_assert_eq!(book_total(&jumped.book), u128::from(chip.units) * u128::from(jumped.duration.0));
        prop_assert!(same_to_one_ppm(stepped.book.compute as u64, jumped.book.compute as u64));
        prop_assert!(jumped.events <= stepped.events);
    }

    /// Identical cores simulated as one with a weight give what they give apart.
    #[test]
    fn folded_equals_unfolded((chip, plan) in any_case()) {
        // Cores apart reach the next group of waves on their own; equal numbers of units keep them together.
        let mut plan = plan;
        let units = plan.groups[0].units;
        plan.groups.iter_mut().for_each(|group| group.units = units);
        let folded = run_mode(&chip, &plan, STEPPED);
        let unfolded = run_mode(&chip, &plan, UNFOLDED);
        prop_assert!(
            same_to_one_ppm(folded.duration.0, unfolded.duration.0),
            "{} {}", folded.duration, unfolded.duration
        );
        prop_assert_eq!(folded.book.compute, unfolded.book.compute);
        prop_assert_eq!(book_total(&unfolded.book), u128::from(chip.units) * u128::from(unfolded.duration.0));
    }

    /// For one plan, no faster memory makes it slower, when results have a direction of their own.
    #[test]
    fn a_faster_link_never_slows_a_fixed_plan((chip, plan) in any_case(), level in 0_usize..2, factor in 1.0_f64..4.0) {
        let mut chip = chip;
        chip.levels.iter_mut().for_each(|level| level.half_duplex = false);
        let (slow, fast) = with_faster_level(&chip, &plan, level, factor);
        prop_assert!(fast <= slow + roundings(&plan), "{slow} -> {fast}");
    }

    /// On a bus that loads and results share fairly, loads that come sooner can hold up the results the next wave's
    /// sums wait for (an anomaly of fair sharing, as between operators): never by much.
    #[test]
    fn a_faster_shared_bus_hardly_ever_slows_a_fixed_plan(
        (chip, plan) in any_case(), level in 0_usize..2, factor in 1.0_f64..4.0,
    ) {
        let (slow, fast) = with_faster_level(&chip, &plan, level, factor);
        prop_assert!(fast as f64 <= 1.05 * slow as f64 + roundings(&plan) as f64, "{slow} -> {fast}");
    }
}

fn with_faster_level(chip: &Chip, plan: &KernelPlan, level: usize, factor: f64) -> (u64, u64) {
    let slow = run_mode(chip, plan, STEPPED).duration.0;
    let mut faster = chip.clone();
    faster.levels[level].read_rate *= factor;
    faster.levels[level].write_rate *= factor;
    (slow, run_mode(&faster, plan, STEPPED).duration.0)
}

/// A picosecond of rounding a step either way.
fn roundings(plan: &KernelPlan) -> u64 {
    plan.groups.iter().map(|group| group.count * group.steps).sum::<u64>() * 2 + 10
}
