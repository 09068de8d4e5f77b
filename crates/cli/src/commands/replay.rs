//! `memwall replay`.

mod chakra;

use std::path::Path;

use memwall_hardware::{CatalogError, TierKind, catalog, dram_part};
use memwall_report::ReplayReport;
use memwall_scenario::{Diagnostic, Diagnostics, Severity, Spot};
use memwall_simulator::request::{
    Access, AddressOrder, CacheConfig, Channel, ChannelOptions, Fault, PagePolicy, Pattern, PatternPlan,
    RefreshPolicy, ReplayError, ReplayLimits, ReplayRecord, ReplaySetup, TraceReader, Walk, kind_by_name,
    replay as run,
};
use memwall_units::{Bytes, Picos};

use crate::args::{Format, Global, PageArg, PatternArg, RefreshArg, ReplayArgs};
use crate::exit::Exit;
use crate::files::{check_target, read_text, shown_name, write_whole};
use crate::lines::{Line, Lines};
use crate::terminal::{color_messages, complain, print, view, width};

/// Replays a trace or a pattern and prints what came of it.
pub fn replay(args: &ReplayArgs, global: &Global) -> Exit {
    if let Some(Err(message)) = args.output.as_deref().map(check_target) {
        return cannot_write(args, &message);
    }
    let is_chakra = chakra::is_meant(args);
    match (&args.chakra.system, args.traces.as_slice()) {
        (Some(system), _) if is_chakra => return chakra::replay(args, system, global),
        (Some(_), [trace, ..]) => {
            let name = shown_name(trace);
            complain(&format!(
                "error: {name}: --system replays Chakra execution traces (`.et`, or any name with --kind chakra)"
            ));
            return Exit::Usage;
        }
        (None, [trace, ..]) if is_chakra => {
            let name = shown_name(trace);
            complain(&format!(
                "error: {name} is a Chakra execution trace: say with --system what to replay it on"
            ));
            return Exit::Usage;
        }
        (None, [_, second, ..]) => {
            let name = shown_name(second);
            complain(&format!("error: {name}: one address trace is replayed at a time"));
            return Exit::Usage;
        }
        _ => {}
    }
    let (setup, memory) = match setup(args) {
        Ok(setup) => setup,
        Err(message) => {
            complain(&format!("error: {message}"));
            return Exit::InvalidInput;
        }
    };
    let outcome = match (args.traces.first(), args.pattern) {
        (Some(trace), _) => replay_trace(args, trace, &setup, global),
        (None, Some(pattern)) => replay_pattern(args, pattern, &setup),
        (None, None) => return Exit::Usage,
    };
    let record = match outcome {
        Ok(record) => record,
        Err(exit) => return exit,
    };
    let report = ReplayReport::new(&source(args), &memory, record);
    let text = match args.format {
        Format::Table => {
            let mut view = view(global);
            view.color = view.color && args.output.is_none();
            report.to_table(view)
        }
        Format::Csv => report.to_csv(),
        Format::Json => match report.to_json() {
            Ok(text) => text,
            Err(error) => {
                complain(&format!("error: the result cannot be written as JSON: {error}"));
                return Exit::Internal;
            }
        },
    };
    let Some(path) = &args.output else { return print(&text) };
    match write_whole(path, &text) {
        Ok(()) => Exit::Ok,
        Err(message) => cannot_write(args, &message),
    }
}

fn cannot_write(args: &ReplayArgs, message: &str) -> Exit {
    let path = args.output.as_deref().unwrap_or(Path::new("-"));
    complain(&format!("error: cannot write {}: {message}", path.display()));
    Exit::InvalidInput
}

/// What is replayed, for people.
fn source(args: &ReplayArgs) -> String {
    let (Some(pattern), bytes, footprint) = (args.pattern, args.bytes, args.footprint) else {
        return args.traces.first().map(|trace| shown_name(trace)).unwrap_or_default().to_owned();
    };
    let what = match pattern {
        PatternArg::Stream => "stream".to_owned(),
        PatternArg::Stride => format!("stride of {}", args.stride),
        PatternArg::Random => "random accesses".to_owned(),
        PatternArg::Gather => format!("gather with skew {}", args.skew),
    };
    format!("{what} of {bytes} over {footprint}, {} % reads", args.read_percent)
}

/// The memory, and what it is for people.
fn setup(args: &ReplayArgs) -> Result<(ReplaySetup, String), String> {
    let controller = ChannelOptions {
        read_queue: args.read_queue as usize,
        write_queue: args.write_queue as usize,
        page_policy: match args.page {
            PageArg::Open => PagePolicy::Open,
            PageArg::Closed => PagePolicy::Closed,
        },
        refresh: match args.refresh {
            RefreshArg::AllBanks => RefreshPolicy::AllBanks,
            RefreshArg::PerBank => RefreshPolicy::PerBank,
            RefreshArg::None => RefreshPolicy::None,
        },
        ..ChannelOptions::default()
    };
    let mut caches = caches(args)?;
    let (part, channels, path, name) = match (&args.device, &args.dram) {
        (Some(name), _) => {
            let device = catalog::device(name).map_err(|error| error.to_string())?;
            let tier = device.tiers.iter().find(|tier| tier.kind == TierKind::Dram);
            let found = tier.and_then(|tier| Some((tier, tier.dram_part()?)));
            let Some((tier, part)) = found else {
                return Err(format!(
                    "the catalog does not say what DRAM {} has; choose one with --dram",
                    device.name
                ));
            };
            let (part, channels) = part.map_err(|error| error.to_string())?;
            let cache = device.tiers.iter().rev().find(|tier| tier.kind == TierKind::Cache);
            if caches.is_empty() && !args.no_cache {
                caches.extend(cache.map(cache_of));
            }
            let timing = *Channel::new(&part, controller).timing();
            let dram = timing.picos(timing.activate_to_read + timing.read_latency);
            let inside = caches.iter().map(|cache| cache.latency.0).fold(dram, u64::saturating_add);
            (part, channels, tier.latency.value.saturating_sub(Picos(inside)), device.title)
        }
        (None, Some(name)) => {
            let part = dram_part(name).map_err(|error: CatalogError| error.to_string())?;
            (part, args.channels, Picos::ZERO, String::new())
        }
        (None, None) => return Err("choose a memory with --device or --dram".to_owned()),
    };
    let unit = if channels == 1 { "channel" } else { "channels" };
    let mut memory = format!("{channels} {unit} of {} at {} MT/s", part.name, part.rate);
    if !name.is_empty() {
        memory = format!("{name}: {memory}");
    }
    for cache in caches.iter().rev() {
        memory = format!("{memory}, behind {} of {}", cache.name, cache.size);
    }
    let setup = ReplaySetup {
        part,
        channels,
        controller,
        order: AddressOrder::from_name(&args.address_order).unwrap_or_default(),
        caches,
        path,
        outstanding: args.outstanding,
        interval: args.interval,
        limits: ReplayLimits { requests: args.max_requests, ..ReplayLimits::default() },
        seed: args.seed,
    };
    Ok((setup, memory))
}

/// A device's cache: nobody publishes all of it, so lines of 128 bytes in sectors of 32, 16 of them a set, are taken.
fn cache_of(tier: &memwall_hardware::Tier) -> CacheConfig {
    let (line, ways) = (128, 16);
    let instances = match tier.scope {
        memwall_hardware::Scope::Shared(instances) => u64::from(instances),
        memwall_hardware::Scope::PerCore => 1,
    };
    let set = line * u64::from(ways);
    let size = (tier.capacity.value.0.saturating_mul(instances) / set).max(1) * set;
    CacheConfig {
        line: Bytes(line),
        sector: Bytes(32),
        latency: tier.latency.value,
        ..CacheConfig::new(&tier.name, Bytes(size), ways)
    }
}

fn caches(args: &ReplayArgs) -> Result<Vec<CacheConfig>, String> {
    if let Some(file) = &args.cache_file {
        let text = read_text(file).map_err(|error| format!("{}: {error}", shown_name(file)))?;
        return serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", shown_name(file)));
    }
    args.caches
        .iter()
        .map(|text| {
            let text = text.trim();
            let flow = if text.starts_with('{') { text.to_owned() } else { format!("{{ {text} }}") };
            serde_yaml::from_str(&flow).map_err(|error| format!("--cache '{text}': {error}"))
        })
        .collect()
}

fn replay_pattern(args: &ReplayArgs, pattern: PatternArg, setup: &ReplaySetup) -> Result<ReplayRecord, Exit> {
    let bytes = match u32::try_from(args.bytes.0) {
        Ok(bytes) if (1..=memwall_simulator::request::MAX_ACCESS_BYTES).contains(&bytes) => bytes,
        _ => {
            complain(&format!("error: an access of {}: from 1 B to 1 MiB are possible", args.bytes));
            return Err(Exit::InvalidInput);
        }
    };
    let plan = PatternPlan {
        walk: match pattern {
            PatternArg::Stream => Walk::Stream,
            PatternArg::Stride => Walk::Stride(args.stride.0),
            PatternArg::Random => Walk::Random,
            PatternArg::Gather => Walk::Gather(args.skew),
        },
        footprint: args.footprint,
        bytes,
        read_percent: args.read_percent,
        requests: args.requests,
        seed: args.seed,
    };
    run(setup, Pattern::new(plan).map(Ok)).map_err(|error: ReplayError<String>| stopped("pattern", &error))
}

fn replay_trace(
    args: &ReplayArgs,
    trace: &str,
    setup: &ReplaySetup,
    global: &Global,
) -> Result<ReplayRecord, Exit> {
    let name = shown_name(trace);
    let lines = match Lines::open(trace) {
        Ok(lines) => lines,
        Err(message) => {
            complain(&format!("error: {name}: {message}"));
            return Err(Exit::InvalidInput);
        }
    };
    let reader = TraceReader::new(args.kind.as_deref().and_then(kind_by_name));
    let accesses = TraceLines { name: name.to_owned(), lines, reader, ended: false };
    run(setup, accesses).map_err(|error| match error {
        ReplayError::Source(problem) => {
            complain(&problem.render(color_messages(global), width()));
            Exit::InvalidInput
        }
        error => stopped(name, &error),
    })
}

/// Says why a replay stopped.
fn stopped<E: std::fmt::Display>(name: &str, error: &ReplayError<E>) -> Exit {
    match error {
        ReplayError::TooMany(_) => {
            complain(&format!("error: {name}: {error}; raise it with --max-requests"));
            Exit::Limit
        }
        ReplayError::TooLong { .. } => {
            complain(&format!("error: {name}: {error}"));
            Exit::Limit
        }
        _ => {
            complain(&format!("error: {name}: {error}"));
            Exit::InvalidInput
        }
    }
}

/// The accesses of a trace, line by line.
struct TraceLines {
    name: String,
    lines: Lines,
    reader: TraceReader,
    ended: bool,
}

impl Iterator for TraceLines {
    type Item = Result<Access, Diagnostics>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let number = self.reader.lines() + 1;
            match self.lines.next() {
                Ok(None) => self.ended = true,
                Err(message) => {
                    self.ended = true;
                    return Some(Err(of_file(&self.name, message)));
                }
                Ok(Some(Line::Text(text))) => match self.reader.line(text) {
                    Ok(None) => {}
                    Ok(Some(access)) => return Some(Ok(access)),
                    Err(fault) => {
                        self.ended = true;
                        return Some(Err(at_line(&self.name, number, text, fault)));
                    }
                },
                Ok(Some(Line::TooLong(start, length))) => {
                    self.ended = true;
                    let fault = Fault {
                        range: 0..start.chars().next().map_or(0, char::len_utf8),
                        message: format!("a line of {length} bytes is no trace"),
                        label: "the line starts here".to_owned(),
                    };
                    return Some(Err(at_line(&self.name, number, &start, fault)));
                }
                Ok(Some(Line::Bytes(good, text))) => {
                    self.ended = true;
                    let fault = Fault {
                        range: good..good,
                        message: "this is no UTF-8 text".to_owned(),
                        label: "from here on".to_owned(),
                    };
                    return Some(Err(at_line(&self.name, number, &text, fault)));
                }
            }
        }
        None
    }
}

fn of_file(name: &str, message: String) -> Diagnostics {
    diagnostics(Diagnostic {
        severity: Severity::Error,
        message,
        path: String::new(),
        file: name.to_owned(),
        spots: Vec::new(),
        help: Vec::new(),
    })
}

fn at_line(name: &str, line: usize, text: &str, fault: Fault) -> Diagnostics {
    let column = text.get(..fault.range.start).map_or(0, |before| before.chars().count()) + 1;
    let spot = Spot {
        file: name.to_owned(),
        line,
        column,
        text: text.to_owned(),
        cut: false,
        range: fault.range,
        label: fault.label,
    };
    diagnostics(Diagnostic {
        severity: Severity::Error,
        message: fault.message,
        path: String::new(),
        file: name.to_owned(),
        spots: vec![spot],
        help: Vec::new(),
    })
}

fn diagnostics(one: Diagnostic) -> Diagnostics {
    Diagnostics { list: vec![one], more: 0 }
}
