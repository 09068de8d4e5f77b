//! Where a rank's time goes.

use memwall_units::Picos;

use super::record::RankRecord;

/// What a rank is doing, and what it has done.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    since: Picos,
    at_work: u32,
    communicating: u32,
    busy: Picos,
    exposed: Picos,
    idle: Picos,
    /// Time with a communication under way, alone or not.
    communication: Picos,
}

/// What a rank is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Work,
    Communication,
}

impl Clock {
    pub fn begin(&mut self, now: Picos, doing: Doing) {
        self.advance(now);
        match doing {
            Doing::Work => self.at_work += 1,
            Doing::Communication => self.communicating += 1,
        }
    }

    pub fn end(&mut self, now: Picos, doing: Doing) {
        self.advance(now);
        match doing {
            Doing::Work => self.at_work -= 1,
            Doing::Communication => self.communicating -= 1,
        }
    }

    fn advance(&mut self, now: Picos) {
        let time = now.saturating_sub(self.since);
        self.since = now;
        let account = match (self.at_work, self.communicating) {
            (0, 0) => &mut self.idle,
            (0, _) => &mut self.exposed,
            _ => &mut self.busy,
        };
        *account = account.saturating_add(time);
        if self.communicating > 0 {
            self.communication = self.communication.saturating_add(time);
        }
    }

    pub fn record(mut self, rank: u32, nodes: u64, wall: Picos) -> RankRecord {
        self.advance(wall);
        let Self { busy, exposed, idle, communication, .. } = self;
        RankRecord { rank, nodes, busy, exposed, idle, communication }
    }
}
