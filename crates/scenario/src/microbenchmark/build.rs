//! From the tree of one case to a [`MicrobenchmarkCase`].

use memwall_hardware::Device;
use memwall_simulator::{Microbenchmark, Reread, Stream, StreamAxis};
use memwall_units::Bytes;

use super::spec::{CurveReferenceSpec, KEYS_OF, MeasureSpec, MicrobenchmarkSpec, Over};
use super::{CurvePoint, MicrobenchmarkCase, Tables, measured, points};
use crate::build_case::{expectations, foreign_keys, missing, optional, present};
use crate::diagnostic::Diagnostics;
use crate::nearest::one_of;
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::spec::SCENARIO_KEYS;
use crate::typed;

const PREFIX: &str = "microbenchmark";
/// The most arrays, bytes at once and loads at once of a kernel.
const MAX_ARRAYS: u32 = 64;
const MAX_ELEMENT: u64 = 1 << 20;
const MAX_LOADS: u32 = 1024;
const ELEMENT: Bytes = Bytes(8);
const LOADS: u32 = 4;

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    tables: &mut Tables,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<MicrobenchmarkCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    foreign_keys(
        resolver,
        root,
        PREFIX,
        &["system", "communication", "collective", "replay", "trend", "memory"],
        problems,
    );
    let description = optional(resolver, root, "description", problems);
    let seed = optional(resolver, root, "seed", problems);
    let reference: Option<CurveReferenceSpec> = optional(resolver, root, "reference", problems);
    let expect = expectations(resolver, root, problems);
    let device = match present(root, "hardware") {
        Some(block) => resolver.device(block, problems),
        None => missing(resolver, root, "hardware", "such as `hardware: a100-sxm-80gb`", problems),
    };
    let Some(block) = present(root, PREFIX) else {
        let help =
            "such as `microbenchmark: { measure: latency, points: { from: 2 KiB, to: 2 GiB, count: 40 } }`";
        return missing(resolver, root, PREFIX, help, problems);
    };
    let spec: MicrobenchmarkSpec = typed::read(&resolver.sources, block, PREFIX, problems)?;
    let mut check = Check { resolver, block, problems };
    check.keys(&spec);
    let over = check.over(&spec);
    let benchmark = check.benchmark(&spec, over);
    if let Some(device) = &device {
        check.threads(device, root, over);
    }
    let sweep = spec.points.as_ref().map(|points| {
        let node = block.get("points").unwrap_or(block);
        points::resolve(
            &check.resolver.sources,
            node,
            (over, "microbenchmark.points"),
            points,
            check.problems,
        )
    });
    let compared = match (&reference, present(root, "reference")) {
        (Some(spec_of), Some(node)) => {
            measured::resolve(resolver, tables, node, spec_of, (spec.measure, over), problems)
        }
        _ => Some(Vec::new()),
    };
    if problems.list.len() + problems.more > before {
        return None;
    }
    let points = merged(sweep.unwrap_or(Some(Vec::new()))?, compared?);
    if points.is_empty() {
        let message = "nowhere to measure: no `points`, and no measured ones";
        let problem = typed::problem_at(&resolver.sources, block, PREFIX, &[], message, "");
        problems.push(problem.with_help("such as `points: { from: 2 KiB, to: 2 GiB, count: 40 }`"));
        return None;
    }
    let reference = reference.unwrap_or_default();
    Some(MicrobenchmarkCase {
        name: name.to_owned(),
        description,
        device: device?,
        benchmark: benchmark?,
        title: title(&spec),
        over,
        points,
        source: reference.source,
        note: reference.note,
        seed: seed.unwrap_or_default(),
        expect: expect?,
    })
}

struct Check<'a, 'b> {
    resolver: &'a Resolver<'b>,
    block: &'a Node,
    problems: &'a mut Diagnostics,
}

impl Check<'_, '_> {
    fn problem(&mut self, key: &str, message: impl Into<String>, help: &str) {
        let path = [Step::Key(key.to_owned())];
        let problem = typed::problem_at(&self.resolver.sources, self.block, PREFIX, &path, message, "");
        self.problems.push(problem.with_help(help));
    }

    /// Keys that say nothing about what is measured.
    fn keys(&mut self, spec: &MicrobenchmarkSpec) {
        let name = spec.measure.name();
        let known =
            KEYS_OF.iter().find(|(measure, _)| *measure == spec.measure).map_or(&[][..], |(_, keys)| keys);
        let stray: Vec<String> =
            self.block.map().into_iter().flatten().map(|(key, _)| key.to_string()).collect();
        for key in stray.iter().filter(|key| !known.contains(&key.as_str())) {
            let help = format!("keys here are {}", one_of(known.iter().copied(), 10));
            self.problem(key, format!("`{key}` does not go with `measure: {name}`"), &help);
        }
    }

    fn over(&mut self, spec: &MicrobenchmarkSpec) -> Over {
        let stream = spec.measure == MeasureSpec::Bandwidth;
        let default = if stream { Over::Threads } else { Over::Footprint };
        let over = spec.over.unwrap_or(default);
        if stream == (over == Over::Footprint) {
            let help = if stream {
                "expected `threads`, `occupancy` or `in_flight`"
            } else {
                "expected `footprint`"
            };
            let message = format!("`{}` is not measured over `{}`", spec.measure.name(), over.name());
            self.problem("over", message, help);
        }
        over
    }

    fn benchmark(&mut self, spec: &MicrobenchmarkSpec, over: Over) -> Option<Microbenchmark> {
        let element = spec.element.unwrap_or(ELEMENT).0;
        if !(1..=MAX_ELEMENT).contains(&element) {
            self.problem("element", format!("{element} bytes at once: 1 B to 1 MiB"), "");
        }
        match spec.measure {
            MeasureSpec::Latency => Some(Microbenchmark::Chase),
            MeasureSpec::Bandwidth => self.stream(spec, over, element).map(Microbenchmark::Stream),
            MeasureSpec::CacheBandwidth => {
                let loads = spec.loads.unwrap_or(LOADS);
                if !(1..=MAX_LOADS).contains(&loads) {
                    self.problem("loads", format!("{loads} loads at once: 1 to {MAX_LOADS}"), "");
                }
                if spec.piece.is_some_and(|piece| piece.0 == 0) {
                    self.problem("piece", "a piece of no bytes", "");
                }
                Some(Microbenchmark::Reread(Reread {
                    piece: spec.piece.map(|piece| piece.0),
                    element,
                    loads,
                }))
            }
        }
    }

    fn stream(&mut self, spec: &MicrobenchmarkSpec, over: Over, element: u64) -> Option<Stream> {
        let Some(kernel) = &spec.kernel else {
            let help = "such as `kernel: triad`, or `kernel: { reads: 2, writes: 1 }`";
            self.problem("measure", "`kernel` is missing", help);
            return None;
        };
        let arrays = kernel.arrays();
        if arrays.reads > MAX_ARRAYS || arrays.writes > MAX_ARRAYS || arrays.reads + arrays.writes == 0 {
            let message = format!("a kernel reads and writes 1 to {MAX_ARRAYS} arrays");
            self.problem("kernel", message, "");
        }
        let over = match over {
            Over::Occupancy => StreamAxis::Occupancy,
            Over::InFlight => StreamAxis::InFlight,
            Over::Threads | Over::Footprint => StreamAxis::Threads,
        };
        if over == StreamAxis::InFlight && arrays.reads == 0 {
            let message = "a kernel that only writes has no reads in flight";
            self.problem("kernel", message, "measure it over `threads` or `occupancy`");
        }
        Some(Stream { reads: arrays.reads, writes: arrays.writes, element, over })
    }

    fn threads(&mut self, device: &Device, root: &Node, over: Over) {
        if device.threads.is_some() || !matches!(over, Over::Threads | Over::Occupancy) {
            return;
        }
        let path = [Step::Key("hardware".to_owned())];
        let message = format!("`{}` says nothing of its threads, which this counts", device.name);
        let problem = typed::problem_at(&self.resolver.sources, root, "", &path, message, "");
        self.problems.push(problem.with_help("give `threads` there, or measure over `in_flight`"));
    }
}

fn title(spec: &MicrobenchmarkSpec) -> String {
    match (spec.measure, &spec.kernel) {
        (MeasureSpec::Latency, _) => "latency".to_owned(),
        (MeasureSpec::Bandwidth, Some(kernel)) => format!("bandwidth of {}", kernel.title()),
        (MeasureSpec::Bandwidth, None) => "bandwidth".to_owned(),
        (MeasureSpec::CacheBandwidth, _) => "bandwidth of reads".to_owned(),
    }
}

/// All points in ascending order: those asked for where nothing was measured, and every measured one.
fn merged(sweep: Vec<f64>, measured: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let mut points = measured;
    let known: Vec<f64> = points.iter().map(|point| point.at).collect();
    let fresh = sweep.into_iter().filter(|at| !known.contains(at));
    points.extend(fresh.map(|at| CurvePoint { at, measured: None }));
    points.sort_by(|a, b| a.at.total_cmp(&b.at));
    points
}
