//! Laws of the DRAM model over random parts, options and requests. What the channel did is judged from the log of its
//! commands by rules written down here anew, in clocks as the standards state them.

use memwall_hardware::{DramPart, DramStandard, dram_parts};
use memwall_simulator::request::{
    Accepted, Channel, ChannelOptions, DramCommand as C, Issued, PagePolicy, Place, RefreshPolicy, Served,
};
use proptest::prelude::*;

/// How two commands of a pseudo channel lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    Pseudo,
    Stack,
    Group,
    Bank,
}

fn is_read(command: C) -> bool {
    matches!(command, C::Read | C::ReadAndClose)
}

fn is_write(command: C) -> bool {
    matches!(command, C::Write | C::WriteAndClose)
}

fn is_precharge(command: C) -> bool {
    matches!(command, C::Precharge | C::PrechargeAll)
}

/// The least distance, in clocks, that the standards demand between two commands; 0 where they demand none.
fn least(part: &DramPart, first: C, second: C, near: Near) -> u32 {
    let t = &part.clocks;
    let by_group = |l: u32, s: u32| if near >= Near::Group { l } else { s };
    let bank = |clocks: u32| if near == Near::Bank { clocks } else { 0 };
    let all = |clocks: u32| if second == C::PrechargeAll { clocks } else { bank(clocks) };
    match (first, second) {
        (C::Activate, C::Activate) => bank(t.rc).max(by_group(t.rrd_l.max(t.rrd_s), t.rrd_s)),
        (C::Activate, b) if is_read(b) => bank(t.rcd_read),
        (C::Activate, b) if is_write(b) => bank(t.rcd_write),
        (C::Activate, b) if is_precharge(b) => all(t.ras),
        (C::Activate, C::Refresh) => t.rc,
        (C::Activate, C::RefreshBank) => bank(t.rc),
        (a, b) if is_read(a) && is_read(b) => match near {
            Near::Pseudo => t.ccd_r,
            _ => by_group(t.ccd_l, t.ccd_s),
        }
        .max(t.bl),
        (a, b) if is_write(a) && is_write(b) => match near {
            Near::Pseudo => t.ccd_r,
            _ => by_group(t.ccd_l_write, t.ccd_s),
        }
        .max(t.bl),
        (a, b) if is_read(a) && is_write(b) => t.rtw,
        (a, b) if is_write(a) && is_read(b) => by_group(t.cwl + t.bl_max + t.wtr_l, t.cwl + t.bl + t.wtr_s),
        (C::Read, b) if is_precharge(b) => all(t.rtp),
        (C::Write, b) if is_precharge(b) => all(t.cwl + t.bl + t.wr),
        (C::ReadAndClose, C::Activate | C::RefreshBank) => bank(t.rtp + t.rp),
        (C::WriteAndClose, C::Activate | C::RefreshBank) => bank(t.cwl + t.bl + t.wr + t.rp),
        (C::ReadAndClose, C::Refresh) => t.rtp + t.rp,
        (C::WriteAndClose, C::Refresh) => t.cwl + t.bl + t.wr + t.rp,
        (C::Precharge, C::Activate | C::RefreshBank) => bank(t.rp),
        (C::PrechargeAll, C::Activate | C::RefreshBank) => t.rp_all,
        (a, C::Refresh) if is_precharge(a) => t.rp,
        (a, b) if is_precharge(a) && is_precharge(b) => t.ppd,
        (C::Refresh, C::Activate | C::Refresh | C::RefreshBank) => t.rfc,
        (C::RefreshBank, C::Activate | C::RefreshBank) => bank(t.rfc_bank).max(t.rrefd),
        (C::RefreshBank, C::Refresh) => t.rfc_bank,
        _ => 0,
    }
}

/// Ticks a command takes on its bus.
fn length(part: &DramPart, command: C) -> u64 {
    let column = is_read(command) || is_write(command);
    match part.standard {
        DramStandard::Hbm3 | DramStandard::Hbm4 if command == C::Activate => 3,
        DramStandard::Hbm3 | DramStandard::Hbm4 if column => 2,
        DramStandard::Hbm2 if command == C::Activate => 2,
        DramStandard::Ddr5 if column || command == C::Activate => 2,
        _ => 1,
    }
}

fn near(part: &DramPart, a: &Issued, b: &Issued) -> Option<Near> {
    let group = |issued: &Issued| issued.bank / part.organization.banks as usize;
    let stack = |issued: &Issued| group(issued) / part.organization.bank_groups as usize;
    if a.pseudo != b.pseudo {
        return None;
    }
    let to_all = |issued: &Issued| matches!(issued.command, C::PrechargeAll | C::Refresh);
    Some(if to_all(a) || to_all(b) || a.bank == b.bank {
        Near::Bank
    } else if group(a) == group(b) {
        Near::Group
    } else if stack(a) == stack(b) {
        Near::Stack
    } else {
        Near::Pseudo
    })
}

/// Everything wrong with a log.
fn judge(part: &DramPart, log: &[Issued]) -> Vec<String> {
    let ticks_per_clock: u64 = match part.standard {
        DramStandard::Hbm3 | DramStandard::Hbm4 => 2,
        _ => 1,
    };
    let longest = u64::from(part.clocks.rfc.max(part.clocks.faw).max(part.clocks.rc) + 200) * ticks_per_clock;
    let end = |issued: &Issued| issued.tick + length(part, issued.command) - 1;
    let mut wrong = Vec::new();
    for (index, second) in log.iter().enumerate() {
        let earlier = || log[..index].iter().rev().take_while(|first| first.tick + longest > second.tick);
        for first in earlier() {
            let Some(near) = near(part, first, second) else { continue };
            let demanded = u64::from(least(part, first.command, second.command, near)) * ticks_per_clock;
            if demanded > 0 && end(second) < end(first) + demanded {
                wrong.push(format!("{first:?} then {second:?}: {demanded} ticks apart at least"));
            }
        }
        let same = |first: &&Issued| first.pseudo == second.pseudo;
        let activates = earlier().filter(same).filter(|first| first.command == C::Activate);
        if second.command == C::Activate
            && let Some(fifth) = activates.clone().nth(3)
            && second.tick < fifth.tick + u64::from(part.clocks.faw) * ticks_per_clock
        {
            wrong.push(format!("{second:?} is the fifth activate since {fifth:?}"));
        }
    }
    buses(part, log, ticks_per_clock, &mut wrong);
    rows(part, log, &mut wrong);
    wrong
}

/// No bus carries two things at once.
fn buses(part: &DramPart, log: &[Issued], ticks_per_clock: u64, wrong: &mut Vec<String>) {
    let two = matches!(part.standard, DramStandard::Hbm2 | DramStandard::Hbm3 | DramStandard::Hbm4);
    let mut free = [0_u64; 2];
    let pseudos = part.organization.pseudo_channels as usize;
    let mut data_free = vec![0_u64; pseudos];
    for issued in log {
        let column = is_read(issued.command) || is_write(issued.command);
        let bus = usize::from(two && column);
        if issued.tick < free[bus] {
            wrong.push(format!("{issued:?}: its command bus is taken until {}", free[bus]));
        }
        free[bus] = issued.tick + length(part, issued.command);
        if ticks_per_clock == 2 && !is_precharge(issued.command) && issued.tick.is_multiple_of(2) {
            wrong.push(format!("{issued:?} at a falling edge"));
        }
        if column {
            let delay = if is_read(issued.command) { part.clocks.cl } else { part.clocks.cwl };
            let start = issued.tick + u64::from(delay) * ticks_per_clock;
            let data = &mut data_free[issued.pseudo];
            if start < *data {
                wrong.push(format!("{issued:?}: the data bus is taken until {data}"));
            }
            *data = start + u64::from(part.clocks.bl) * ticks_per_clock;
        }
    }
}

/// Reads and writes find their row open, and so on.
fn rows(part: &DramPart, log: &[Issued], wrong: &mut Vec<String>) {
    let banks = part.organization.banks_per_pseudo_channel() as usize;
    let pseudos = part.organization.pseudo_channels as usize;
    let mut open: Vec<Option<u32>> = vec![None; pseudos * banks];
    let mut half: Option<(usize, u64)> = None;
    let mut clock_until = 0;
    for issued in log {
        let here = issued.pseudo * banks + issued.bank;
        let all = issued.pseudo * banks..(issued.pseudo + 1) * banks;
        let fault = match issued.command {
            C::Activate => {
                let fault = open[here].is_some() || half.is_some();
                open[here] = Some(issued.row);
                half = (part.standard == DramStandard::Lpddr5).then_some((here, issued.tick + 8));
                fault
            }
            C::SecondActivate => half.take().is_none_or(|(bank, by)| bank != here || issued.tick > by),
            C::WakeClock => false,
            C::Precharge => half.is_some_and(|(bank, _)| bank == here) || open[here].take().is_none(),
            C::PrechargeAll => {
                open[all].fill(None);
                half.is_some()
            }
            C::Refresh => open[all].iter().any(Option::is_some),
            C::RefreshBank => open[here].is_some(),
            command => {
                let fault = open[here] != Some(issued.row) || half.is_some_and(|(bank, _)| bank == here);
                if matches!(command, C::ReadAndClose | C::WriteAndClose) {
                    open[here] = None;
                }
                fault
            }
        };
        if fault {
            wrong.push(format!("{issued:?} does not fit the state of the bank"));
        }
        if part.standard == DramStandard::Lpddr5 {
            let column = is_read(issued.command) || is_write(issued.command);
            let woken = issued.command == C::WakeClock;
            if column && issued.tick >= clock_until {
                wrong.push(format!("{issued:?}: the data clock stopped at {clock_until}"));
            }
            let delay = if is_read(issued.command) { part.clocks.cl } else { part.clocks.cwl };
            let until = if woken { 2 } else { u64::from(delay + part.clocks.bl) + 1 };
            if column || woken {
                clock_until = clock_until.max(issued.tick + until);
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Script {
    part: DramPart,
    options: ChannelOptions,
    /// Place, whether it writes, and ticks since the one before.
    requests: Vec<(Place, bool, u64)>,
}

fn scripts() -> impl Strategy<Value = Script> {
    let parts = dram_parts().expect("the table reads");
    let options =
        (1_usize..40, 1_usize..40, any::<bool>(), 0_usize..3).prop_map(|(reads, writes, closed, refresh)| {
            ChannelOptions {
                read_queue: reads,
                write_queue: writes,
                page_policy: if closed { PagePolicy::Closed } else { PagePolicy::Open },
                refresh: [RefreshPolicy::None, RefreshPolicy::AllBanks, RefreshPolicy::PerBank][refresh],
                ..ChannelOptions::default()
            }
        });
    (proptest::sample::select(parts), options).prop_flat_map(|(part, options)| {
        let organization = part.organization;
        let place = (
            0..organization.pseudo_channels,
            0..organization.banks_per_pseudo_channel(),
            // Few rows and columns, so that they are met again.
            0_u32..3,
            0_u32..4,
        )
            .prop_map(|(pseudo, bank, row, column)| Place { pseudo, bank, row, column });
        let pause = prop_oneof![8 => Just(0_u64), 3 => 1_u64..20, 1 => 1000_u64..20_000];
        let requests = proptest::collection::vec((place, any::<bool>(), pause), 1..300);
        (Just(part), Just(options), requests).prop_map(|(part, options, requests)| Script {
            part,
            options,
            requests,
        })
    })
}

/// Runs a script to the end: all that was served, and the channel.
fn run(script: &Script) -> (Channel, Vec<Served>, u64) {
    let mut channel = Channel::new(&script.part, script.options);
    channel.keep_log();
    let mut served = Vec::new();
    let (mut now, mut merged) = (0, 0);
    let mut go_to = |channel: &mut Channel, now: &mut u64, tick: u64| {
        while *now < tick {
            *now = channel.wake().min(tick);
            channel.advance(*now);
            served.extend(channel.take_served());
        }
    };
    for (tag, &(place, write, pause)) in script.requests.iter().enumerate() {
        let until = now + pause;
        go_to(&mut channel, &mut now, until);
        loop {
            match channel.accept(place, write, tag as u64) {
                Accepted::Full => {
                    let wake = channel.wake();
                    go_to(&mut channel, &mut now, wake);
                }
                accepted => {
                    merged += u64::from(accepted == Accepted::Merged);
                    break;
                }
            }
        }
    }
    // More than enough for what waits, a refresh in between.
    for _ in 0..1_000_000 {
        if channel.waiting() == 0 {
            break;
        }
        let wake = channel.wake();
        go_to(&mut channel, &mut now, wake);
    }
    (channel, served, merged)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_log_obeys_the_standard(script in scripts()) {
        let (channel, _, _) = run(&script);
        let wrong = judge(&script.part, channel.log());
        prop_assert!(wrong.is_empty(), "{}: {}", script.part.name, wrong.join("\n"));
    }

    /// Whatever was accepted is served exactly once, no sooner than its data can move.
    #[test]
    fn every_request_is_served_once(script in scripts()) {
        let (channel, served, merged) = run(&script);
        prop_assert_eq!(channel.waiting(), 0);
        let counts = channel.counts();
        prop_assert_eq!(served.len() as u64 + merged, script.requests.len() as u64);
        prop_assert_eq!(counts.reads + counts.writes, served.len() as u64);
        prop_assert_eq!(counts.row_hits + counts.row_misses + counts.row_conflicts, served.len() as u64);
        let mut tags: Vec<u64> = served.iter().map(|served| served.tag).collect();
        tags.sort_unstable();
        tags.dedup();
        prop_assert_eq!(tags.len(), served.len());
        for served in &served {
            let least = if served.write { channel.timing().write_latency } else { channel.timing().read_start };
            prop_assert!(served.done > served.arrived + least);
        }
    }

    /// No pseudo channel moves more than its pins can.
    #[test]
    fn no_more_than_the_peak(script in scripts()) {
        let (channel, served, _) = run(&script);
        let last = served.iter().map(|served| served.done).max().unwrap_or(0);
        let pseudos = u64::from(script.part.organization.pseudo_channels);
        prop_assert!(served.len() as u64 * channel.timing().burst <= last * pseudos);
    }

    #[test]
    fn the_same_again(script in scripts()) {
        let (first, second) = (run(&script), run(&script));
        prop_assert_eq!(first.0.log(), second.0.log());
        prop_assert_eq!(first.1, second.1);
    }
}

/// A judge that finds nothing wrong is no judge: every kind of rule is broken once.
#[test]
fn the_judge_sees_what_is_wrong() {
    let part = memwall_hardware::dram_part("DDR4_2400R_8Gb").expect("known");
    let at = |tick, command, bank, row| Issued { tick, command, pseudo: 0, bank, row };
    let good = [at(1, C::Activate, 0, 7), at(17, C::Read, 0, 7), at(40, C::Precharge, 0, 0)];
    assert!(judge(&part, &good).is_empty());
    for (bad, what) in [
        (vec![at(1, C::Activate, 0, 7), at(16, C::Read, 0, 7)], "ticks apart"),
        (vec![at(1, C::Activate, 0, 7), at(17, C::Read, 0, 8)], "does not fit the state"),
        (vec![at(1, C::Activate, 0, 7), at(1, C::Activate, 4, 7)], "command bus is taken"),
        (
            (0..5).map(|bank| at(1 + 5 * bank as u64, C::Activate, bank * 3 % 16, 0)).collect(),
            "fifth activate",
        ),
        (
            vec![
                at(1, C::Activate, 0, 7),
                at(5, C::Activate, 4, 7),
                at(21, C::Write, 4, 7),
                at(22, C::Read, 0, 7),
            ],
            "ticks apart",
        ),
        (vec![at(1, C::Activate, 0, 7), at(500, C::Refresh, 0, 0)], "does not fit the state"),
    ] {
        let wrong = judge(&part, &bad);
        assert!(wrong.iter().any(|wrong| wrong.contains(what)), "{what}: {wrong:?}");
    }
}
