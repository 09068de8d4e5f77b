//! From a part's clocks to the distances between commands.
//!
//! Distances are in *ticks*, the finest grain at which a command may start: one clock, or half a clock for HBM3 and
//! HBM4, whose precharges may start at a falling edge. Standards state a distance from the end of one command to the
//! end of the next; a command that takes several ticks on the bus is noted at its first, so distances are corrected
//! for the lengths of both.

use memwall_hardware::{DramClocks, DramPart, DramStandard};

/// A distance by how close the two commands are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distance {
    /// To the same bank group.
    pub same_group: u64,
    /// To another bank group of the same stack id.
    pub same_stack: u64,
    /// To another stack id.
    pub other_stack: u64,
}

/// How LPDDR5 opens a row and wakes its data clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowPower {
    /// tAAD: the latest the second half of an activate may follow the first.
    pub second_activate: u64,
    /// How long the data clock runs on after a burst.
    pub clock_runs_on: u64,
}

/// Everything that decides when a command may be issued, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DramTiming {
    /// Length of a tick, in femtoseconds.
    pub tick_femtos: u64,
    /// Whether row commands (activate, precharge, refresh) and column commands (read, write) have a bus each.
    pub two_buses: bool,
    /// Whether a tick is half a clock, so that all but precharges start only at odd ticks.
    pub half_clocks: bool,
    /// LPDDR5's split activate and data clock; `None` elsewhere.
    pub low_power: Option<LowPower>,
    /// Ticks an activate occupies its bus.
    pub activate_length: u64,
    /// Ticks a read or write occupies its bus.
    pub column_length: u64,
    /// Ticks a burst occupies the data bus.
    pub burst: u64,
    /// Read command to the end of its data.
    pub read_latency: u64,
    /// Write command to the start of its data.
    pub write_latency: u64,
    /// Read to the start of its data.
    pub read_start: u64,
    /// Read to read.
    pub read_to_read: Distance,
    /// Write to write.
    pub write_to_write: Distance,
    /// Write to read.
    pub write_to_read: Distance,
    /// Read to write.
    pub read_to_write: u64,
    /// Activate to activate.
    pub activate_to_activate: Distance,
    /// Activate to activate of the same bank.
    pub row_cycle: u64,
    /// Activate to the fifth activate.
    pub four_activates: u64,
    /// Activate to read of the same bank.
    pub activate_to_read: u64,
    /// Activate to write of the same bank.
    pub activate_to_write: u64,
    /// Activate to precharge of the same bank.
    pub activate_to_precharge: u64,
    /// Activate to refresh.
    pub activate_to_refresh: u64,
    /// Read to precharge of the same bank.
    pub read_to_precharge: u64,
    /// Write to precharge of the same bank.
    pub write_to_precharge: u64,
    /// Precharge of a bank to its activate.
    pub precharge_to_activate: u64,
    /// Precharge of all banks to activate.
    pub precharge_all_to_activate: u64,
    /// Precharge to precharge.
    pub precharge_to_precharge: u64,
    /// Precharge to refresh.
    pub precharge_to_refresh: u64,
    /// Refresh of all banks to activate.
    pub refresh_to_activate: u64,
    /// Refresh of one bank to its activate; 0 where there is none.
    pub refresh_bank_to_activate: u64,
    /// Refresh of one bank to activate or refresh of another.
    pub refresh_bank_to_other: u64,
    /// Interval between refreshes.
    pub refresh_interval: u64,
}

impl DramTiming {
    /// The distances that follow from a part.
    #[must_use]
    pub fn new(part: &DramPart) -> Self {
        let half_clocks = matches!(part.standard, DramStandard::Hbm3 | DramStandard::Hbm4);
        let two_buses = half_clocks || part.standard == DramStandard::Hbm2;
        let scale = if half_clocks { 2 } else { 1 };
        // Ticks on the command bus. HBM3 activates take 1.5 clocks, precharges half a clock.
        let (activate_length, column_length, short) = match part.standard {
            DramStandard::Hbm3 | DramStandard::Hbm4 => (3, 2, 1),
            DramStandard::Hbm2 => (2, 1, 1),
            DramStandard::Ddr5 => (2, 2, 1),
            DramStandard::Ddr4 | DramStandard::Lpddr5 | DramStandard::Gddr6 => (1, 1, 1),
        };
        let clocks = scaled(&part.clocks, scale);
        let DramClocks { bl, cl, cwl, .. } = clocks;
        let ticks = |from: u64, to: u64, clocks: u32| (u64::from(clocks) + from).saturating_sub(to).max(1);
        let (row, column) = (activate_length, column_length);
        let columns = |clocks| ticks(column, column, clocks);
        let group =
            |l, s, r| Distance { same_group: columns(l), same_stack: columns(s), other_stack: columns(r) };
        let write_data = cwl + bl;
        Self {
            tick_femtos: part.clock_femtos() / u64::from(scale),
            two_buses,
            half_clocks,
            low_power: (part.standard == DramStandard::Lpddr5)
                .then_some(LowPower { second_activate: 8, clock_runs_on: 1 }),
            activate_length,
            column_length,
            burst: u64::from(bl),
            read_latency: u64::from(cl + bl),
            write_latency: u64::from(cwl),
            read_start: u64::from(cl),
            read_to_read: group(clocks.ccd_l, clocks.ccd_s, clocks.ccd_r),
            write_to_write: group(clocks.ccd_l_write, clocks.ccd_s, clocks.ccd_r),
            write_to_read: group(
                cwl + clocks.bl_max + clocks.wtr_l,
                write_data + clocks.wtr_s,
                write_data + clocks.wtr_s,
            ),
            read_to_write: columns(clocks.rtw),
            activate_to_activate: Distance {
                same_group: ticks(row, row, clocks.rrd_l.max(clocks.rrd_s)),
                same_stack: ticks(row, row, clocks.rrd_s),
                other_stack: ticks(row, row, clocks.rrd_s),
            },
            row_cycle: ticks(row, row, clocks.rc),
            four_activates: ticks(row, row, clocks.faw),
            activate_to_read: ticks(row, column, clocks.rcd_read),
            activate_to_write: ticks(row, column, clocks.rcd_write),
            activate_to_precharge: ticks(row, short, clocks.ras),
            activate_to_refresh: ticks(row, short, clocks.rc),
            read_to_precharge: ticks(column, short, clocks.rtp),
            write_to_precharge: ticks(column, short, write_data + clocks.wr),
            precharge_to_activate: ticks(short, row, clocks.rp),
            precharge_all_to_activate: ticks(short, row, clocks.rp_all),
            precharge_to_precharge: ticks(short, short, clocks.ppd),
            precharge_to_refresh: ticks(short, short, clocks.rp),
            refresh_to_activate: ticks(short, row, clocks.rfc),
            refresh_bank_to_activate: ticks(short, row, clocks.rfc_bank),
            refresh_bank_to_other: ticks(short, row, clocks.rrefd),
            refresh_interval: u64::from(clocks.refi.max(1)),
        }
    }

    /// The first tick at or after `tick` at which anything but a precharge may start.
    #[must_use]
    pub fn edge(&self, tick: u64) -> u64 {
        if self.half_clocks { tick | 1 } else { tick }
    }

    /// The end of `ticks` in whole picoseconds, rounded up.
    #[must_use]
    pub fn picos(&self, ticks: u64) -> u64 {
        let femtos = u128::from(ticks) * u128::from(self.tick_femtos);
        u64::try_from(femtos.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

/// All clocks times `by`: from clocks to half clocks.
fn scaled(clocks: &DramClocks, by: u32) -> DramClocks {
    DramClocks {
        bl: clocks.bl * by,
        bl_max: clocks.bl_max * by,
        cl: clocks.cl * by,
        cwl: clocks.cwl * by,
        rcd_read: clocks.rcd_read * by,
        rcd_write: clocks.rcd_write * by,
        rp: clocks.rp * by,
        rp_all: clocks.rp_all * by,
        ras: clocks.ras * by,
        rc: clocks.rc * by,
        rrd_s: clocks.rrd_s * by,
        rrd_l: clocks.rrd_l * by,
        faw: clocks.faw * by,
        ccd_s: clocks.ccd_s * by,
        ccd_l: clocks.ccd_l * by,
        ccd_l_write: clocks.ccd_l_write * by,
        ccd_r: clocks.ccd_r * by,
        wr: clocks.wr * by,
        rtp: clocks.rtp * by,
        wtr_s: clocks.wtr_s * by,
        wtr_l: clocks.wtr_l * by,
        rtw: clocks.rtw * by,
        ppd: clocks.ppd * by,
        rfc: clocks.rfc * by,
        rfc_bank: clocks.rfc_bank * by,
        rrefd: clocks.rrefd * by,
        refi: clocks.refi * by,
    }
}
