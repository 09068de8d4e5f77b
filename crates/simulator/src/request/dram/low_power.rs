//! LPDDR5: an activate comes in two halves, and the data clock must be woken before a burst when it has stopped.

use super::channel::{Channel, DramCommand};
use super::scheduler::{Bus, Choice};

impl Channel {
    /// Issues what can be issued at `now`; says when to come again.
    pub(super) fn issue_low_power(&mut self, now: u64) -> u64 {
        let opening = self.low_power.opening;
        if opening.is_some_and(|(_, _, deadline)| deadline <= now) {
            self.second_activate(now);
            return now + 1;
        }
        if let Some((slot, owner)) = self.low_power.woken.take() {
            self.run_clock(slot.entry, now);
            self.perform(if owner { Choice::Owner(slot) } else { Choice::Column(slot) }, now);
            return now + 1;
        }
        let search = self.search(now, Bus::Both);
        let Some(choice) = search.choice() else {
            if opening.is_some() {
                self.second_activate(now);
                return now + 1;
            }
            return search.later;
        };
        let access = match choice {
            Choice::Owner(slot) => Some((slot, true)),
            Choice::Column(slot) => Some((slot, false)),
            _ => None,
        };
        match access {
            Some((slot, owner)) if now >= self.low_power.clock_until => {
                // Waking it takes this tick and the access the next, in which a second half may be due.
                if opening.is_some_and(|(_, _, deadline)| deadline <= now + 1) {
                    self.second_activate(now);
                } else {
                    self.state.wake_clock(now);
                    self.note(now, DramCommand::WakeClock, slot.pseudo, slot.bank, 0);
                    self.low_power.woken = Some((slot, owner));
                }
            }
            Some((slot, _)) => {
                self.run_clock(slot.entry, now);
                self.perform(choice, now);
            }
            None => self.perform(choice, now),
        }
        now + 1
    }

    fn second_activate(&mut self, now: u64) {
        if let Some((pseudo, bank, _)) = self.low_power.opening.take() {
            self.state.second_activate(pseudo, bank, now);
            self.note(now, DramCommand::SecondActivate, pseudo, bank, 0);
            self.renew(pseudo, bank);
        }
    }

    /// Keeps the data clock running for a burst and a little longer.
    fn run_clock(&mut self, entry: u32, now: u64) {
        let timing = &self.state.timing;
        let start = if self.entries.get(entry).write { timing.write_latency } else { timing.read_start };
        let after = timing.low_power.map_or(0, |low_power| low_power.clock_runs_on);
        self.low_power.clock_until = self.low_power.clock_until.max(now + start + timing.burst + after);
    }
}
