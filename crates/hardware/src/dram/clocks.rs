//! Timing parameters, in clocks.

/// Timing parameters of a DRAM part, in clocks of its command bus, under the names JEDEC gives them. The suffix
/// `s` (short) is between different bank groups, `l` (long) within one, `r` between stack ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DramClocks {
    /// BL: a burst on the data bus.
    pub bl: u32,
    /// BL/n max: what the write-to-read distance within a bank group counts as the burst (LPDDR5 only; elsewhere
    /// the same as `bl`).
    pub bl_max: u32,
    /// CL: a read command to its first beat.
    pub cl: u32,
    /// CWL: a write command to its first beat.
    pub cwl: u32,
    /// tRCD for reads: activate to read.
    pub rcd_read: u32,
    /// tRCD for writes: activate to write.
    pub rcd_write: u32,
    /// tRP: precharge of one bank to activate.
    pub rp: u32,
    /// tRP for all banks at once.
    pub rp_all: u32,
    /// tRAS: activate to precharge.
    pub ras: u32,
    /// tRC: activate to activate of the same bank.
    pub rc: u32,
    /// tRRD_S: activate to activate.
    pub rrd_s: u32,
    /// tRRD_L.
    pub rrd_l: u32,
    /// tFAW: a window with at most four activates.
    pub faw: u32,
    /// tCCD_S: column command to column command of the same direction.
    pub ccd_s: u32,
    /// tCCD_L for reads.
    pub ccd_l: u32,
    /// tCCD_L for writes.
    pub ccd_l_write: u32,
    /// tCCD_R: the same between stack ids.
    pub ccd_r: u32,
    /// tWR: end of write data to precharge.
    pub wr: u32,
    /// tRTP: read to precharge.
    pub rtp: u32,
    /// tWTR_S: end of write data to read.
    pub wtr_s: u32,
    /// tWTR_L.
    pub wtr_l: u32,
    /// tRTW: read to write.
    pub rtw: u32,
    /// tPPD: precharge to precharge.
    pub ppd: u32,
    /// tRFCab: refresh of all banks to activate.
    pub rfc: u32,
    /// tRFCpb: refresh of one bank to activate of it; 0 where there is no such command.
    pub rfc_bank: u32,
    /// tRREFD: refresh of one bank to activate of another; 0 where there is no such command.
    pub rrefd: u32,
    /// tREFI: average interval between refreshes.
    pub refi: u32,
}

impl DramClocks {
    /// The same times in nanoseconds, in clocks of another rate, rounded up as JEDEC rounds (JESD79-4: a
    /// fortieth of a clock too much is none). A burst, the shortest distance between two of them and tPPD stay as
    /// many clocks.
    #[must_use]
    pub fn at_rate(&self, from: u32, to: u32) -> Self {
        let scale = |clocks: u32| {
            let thousandths = u128::from(clocks) * u128::from(to) * 1000 / u128::from(from.max(1));
            u32::try_from((thousandths + 974) / 1000).unwrap_or(u32::MAX)
        };
        Self {
            bl: self.bl,
            bl_max: self.bl_max,
            cl: scale(self.cl),
            cwl: scale(self.cwl),
            rcd_read: scale(self.rcd_read),
            rcd_write: scale(self.rcd_write),
            rp: scale(self.rp),
            rp_all: scale(self.rp_all),
            ras: scale(self.ras),
            rc: scale(self.rc),
            rrd_s: scale(self.rrd_s),
            rrd_l: scale(self.rrd_l),
            faw: scale(self.faw),
            ccd_s: self.ccd_s,
            ccd_l: scale(self.ccd_l).max(self.ccd_s),
            ccd_l_write: scale(self.ccd_l_write).max(self.ccd_s),
            ccd_r: scale(self.ccd_r).max(self.ccd_s),
            wr: scale(self.wr),
            rtp: scale(self.rtp),
            wtr_s: scale(self.wtr_s),
            wtr_l: scale(self.wtr_l),
            rtw: scale(self.rtw),
            ppd: self.ppd,
            rfc: scale(self.rfc),
            rfc_bank: scale(self.rfc_bank),
            rrefd: scale(self.rrefd),
            refi: scale(self.refi),
        }
    }
}
