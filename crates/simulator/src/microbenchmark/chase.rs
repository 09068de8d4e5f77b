//! Latency over footprint: one thread, one load at a time.

use super::hierarchy::Hierarchy;
use super::miss::Sets;
use super::{Measured, at_least};
use crate::Cause;
use memwall_hardware::Device;

/// A place with the share of the loads that go on beyond it.
struct Stage<'a> {
    name: &'a str,
    /// `l2 (far)` where a cache has parts.
    suffix: &'static str,
    latency_ps: f64,
    sets: Sets,
}

pub(super) fn measure(device: &Device, points: &[f64]) -> Vec<Measured> {
    let hierarchy = Hierarchy::new(device);
    let stages = stages(&hierarchy);
    points.iter().map(|point| chase(&hierarchy, &stages, at_least(*point, 1.0))).collect()
}

/// The caches that one core looks through, near parts and far ones apart. A core's near part keeps copies of what it
/// reads from the far one.
fn stages(hierarchy: &Hierarchy) -> Vec<Stage<'_>> {
    let mut stages = Vec::new();
    for cache in hierarchy.caches() {
        let whole = Stage { name: &cache.name, suffix: "", latency_ps: cache.latency_ps, sets: cache.sets };
        let Some(far) = cache.far else {
            stages.push(whole);
            continue;
        };
        let near = Sets { capacity: cache.sets.capacity / far.partitions, ..cache.sets };
        stages.push(Stage { suffix: " near", sets: near, ..whole });
        let whole = Stage { name: &cache.name, suffix: " far", latency_ps: far.latency_ps, sets: cache.sets };
        stages.push(whole);
    }
    stages
}

fn chase(hierarchy: &Hierarchy, stages: &[Stage<'_>], footprint: f64) -> Measured {
    let mut passing = 1.0;
    let mut time_ps = 0.0;
    let mut served = Vec::new();
    let mut serve = |name: String, share: f64, latency_ps: f64| {
        time_ps += share * latency_ps;
        if share > 0.0 {
            served.push((name, share));
        }
    };
    for stage in stages {
        let beyond = f64::min(passing, stage.sets.miss(footprint));
        serve(format!("{}{}", stage.name, stage.suffix), passing - beyond, stage.latency_ps);
        passing = beyond;
    }
    serve(hierarchy.memory.name.clone(), passing, hierarchy.memory.latency_within(footprint));
    let most = served.iter().fold(None, |best: Option<&(String, f64)>, next| match best {
        Some(best) if best.1 >= next.1 => Some(best),
        _ => Some(next),
    });
    Measured {
        at: footprint,
        value: time_ps * 1e-12,
        cause: Cause::Latency,
        place: most.map(|(name, _)| name.clone()).unwrap_or_default(),
        served,
    }
}
