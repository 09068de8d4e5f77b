//! Laws of microbenchmarks, on every part of the catalog and on random machines.

use memwall_hardware::{Device, Figure, catalog};
use memwall_units::Picos;
use proptest::prelude::*;

use super::{Microbenchmark, Reread, Stream, StreamAxis, log_points, measure};
use crate::{Cause, Measured};

const KERNELS: [(u32, u32); 5] = [(0, 1), (1, 0), (1, 1), (2, 1), (3, 1)];

fn devices() -> Vec<Device> {
    let devices: Vec<Device> =
        catalog::devices().iter().map(|entry| catalog::device(entry.name).unwrap()).collect();
    assert!(devices.len() > 30);
    devices
}

fn curve(device: &Device, benchmark: &Microbenchmark, from: f64, to: f64) -> Vec<Measured> {
    let curve = measure(device, benchmark, &log_points(from, to, 120)).unwrap();
    assert!(curve.len() > 50, "{}", device.name);
    curve
}

fn stream((reads, writes): (u32, u32), over: StreamAxis) -> Microbenchmark {
    Microbenchmark::Stream(Stream { reads, writes, element: 8, over })
}

/// No bandwidth beats what the memory sustains, and more in flight is never slower.
fn check_stream(device: &Device, kernel: (u32, u32), over: StreamAxis, to: f64) {
    let memory = device.memory().unwrap();
    let writes = memory.access.write_efficiency.as_ref().map_or(memory.efficiency.value, |share| share.value);
    let best = match kernel {
        (_, 0) => memory.efficiency.value,
        (0, _) => writes,
        _ => memory.efficiency.value.max(writes),
    };
    let most = memory.bandwidth.value.0 * best;
    let curve = curve(device, &stream(kernel, over), 1.0, to);
    let context = || format!("{} {kernel:?} {over:?}", device.name);
    for pair in curve.windows(2) {
        assert!(pair[0].value <= pair[1].value * (1.0 + 1e-9), "{}: {pair:?}", context());
    }
    let last = curve.last().unwrap();
    assert!(curve[0].value > 0.0 && last.value <= most * (1.0 + 1e-9), "{}: {last:?} of {most}", context());
    // The figures of an imagined machine may have no latency at all.
    if memory.latency.value > Picos(1_000) {
        assert_eq!(curve[0].cause, Cause::Latency, "{}", context());
    }
}

#[test]
fn bandwidth_grows_with_what_is_in_flight_and_never_beats_the_memory() {
    let mut counted = 0;
    for device in devices() {
        for kernel in KERNELS {
            if kernel.0 > 0 {
                check_stream(&device, kernel, StreamAxis::InFlight, 1e9);
            }
            if device.threads.is_some() {
                check_stream(&device, kernel, StreamAxis::Threads, 1e6);
                counted += 1;
            }
        }
    }
    assert!(counted >= 50, "{counted} curves over threads");
}

#[test]
fn a_device_that_says_nothing_of_threads_cannot_count_them() {
    let device = catalog::device("tpu-v4").unwrap();
    let error = measure(&device, &stream((1, 0), StreamAxis::Threads), &[1.0]).unwrap_err();
    assert!(error.to_string().contains("`threads`"), "{error}");
}

#[test]
fn latency_grows_with_the_footprint_from_the_first_cache_to_the_memory() {
    for device in devices() {
        let curve = curve(&device, &Microbenchmark::Chase, 1024.0, 1e11);
        for pair in curve.windows(2) {
            assert!(pair[0].value <= pair[1].value * (1.0 + 1e-12), "{}: {pair:?}", device.name);
        }
        for point in &curve {
            let all: f64 = point.served.iter().map(|(_, share)| share).sum();
            assert!((all - 1.0).abs() < 1e-12, "{}: {point:?}", device.name);
        }
        let memory = device.memory().unwrap().latency.value.as_secs_f64().max(1e-12);
        let last = curve.last().unwrap().value;
        assert!(last <= memory * (1.0 + 1e-12) && last > 0.99 * memory, "{}: {last}", device.name);
    }
}

#[test]
fn bandwidth_of_a_larger_buffer_is_never_higher_and_ends_at_that_of_memory() {
    let mut fell = 0;
    for device in devices() {
        for piece in [None, Some(262_144)] {
            let reread = Microbenchmark::Reread(Reread { piece, element: 16, loads: 8 });
            let curve = curve(&device, &reread, 1024.0, 1e11);
            for pair in curve.windows(2) {
                assert!(pair[0].value >= pair[1].value * (1.0 - 1e-9), "{}: {pair:?}", device.name);
            }
            let memory = device.memory().unwrap();
            let most = memory.bandwidth.value.0 * memory.efficiency.value;
            let last = curve.last().unwrap().value;
            // Where all read the same buffer in step, one fetch serves them all.
            assert!(piece.is_none() || last <= most * (1.0 + 1e-9), "{}: {last} of {most}", device.name);
            fell += usize::from(curve[0].value > 1.5 * last);
        }
    }
    assert!(fell > 20, "{fell} curves fall");
}

#[test]
fn a_stream_obeys_littles_law() {
    let device = catalog::device("a100-sxm-80gb").unwrap();
    let (memory, threads) = (device.memory().unwrap(), device.threads.as_ref().unwrap());
    let points = [2e3, 2e4, 5e4, 1e5, 2e5];
    for point in measure(&device, &stream((1, 0), StreamAxis::Threads), &points).unwrap() {
        let load = point.value / (memory.bandwidth.value.0 * memory.efficiency.value);
        let queueing = memory.access.queueing.as_ref().unwrap().value.as_secs_f64();
        let groups = (point.at / 108.0 / 32.0).max(1.0);
        let seconds = threads.turnaround.value.as_secs_f64()
            + threads.launch.value.as_secs_f64() * groups
            + memory.latency.value.as_secs_f64()
            + queueing * load / (1.0 - load);
        let in_flight = point.at * 8.0;
        assert!((point.value * seconds / in_flight - 1.0).abs() < 1e-6, "{point:?}");
    }
}

#[test]
fn points_of_a_range_are_a_factor_apart_and_end_at_its_ends() {
    assert_eq!(log_points(1.0, 1000.0, 4), [1.0, 10.0, 100.0, 1000.0]);
    assert_eq!(log_points(1.0, 3.0, 9), [1.0, 2.0, 3.0], "whole numbers, each once");
    assert_eq!(log_points(5.0, 9.0, 1), [5.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_laws_hold_on_random_machines(
        queueing in 0_u64..1_000_000,
        latency in 1_000_u64..2_000_000,
        reads in 0.1..1.0_f64,
        writes in 0.1..1.0_f64,
        mixed in 0.1..1.0_f64,
        cores in 1_u32..500,
        kernel in 0_usize..5,
    ) {
        let mut device = catalog::device("a100-sxm-80gb").unwrap();
        device.cores = Figure::scenario(cores);
        for tier in device.tiers.iter_mut().filter(|tier| tier.name == "hbm") {
            tier.latency = Figure::scenario(Picos(latency));
            tier.efficiency = Figure::scenario(reads);
            tier.mixed_efficiency = Some(Figure::scenario(mixed));
            tier.access.queueing = Some(Figure::scenario(Picos(queueing)));
            tier.access.write_efficiency = Some(Figure::scenario(writes));
        }
        check_stream(&device, KERNELS[kernel], StreamAxis::Threads, 1e6);
    }
}
