//! A DRAM part: standard, rate, organization, timings.

use memwall_units::{Bytes, BytesPerSec};

use super::DramClocks;
use crate::Provenance;

/// The family of a part: it decides how commands travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DramStandard {
    /// DDR4.
    Ddr4,
    /// DDR5.
    Ddr5,
    /// LPDDR5 and LPDDR5X.
    Lpddr5,
    /// GDDR6 and GDDR6X.
    Gddr6,
    /// HBM2 and HBM2E.
    Hbm2,
    /// HBM3 and HBM3E.
    Hbm3,
    /// HBM4.
    Hbm4,
}

impl DramStandard {
    /// The name as standards print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ddr4 => "DDR4",
            Self::Ddr5 => "DDR5",
            Self::Lpddr5 => "LPDDR5",
            Self::Gddr6 => "GDDR6",
            Self::Hbm2 => "HBM2",
            Self::Hbm3 => "HBM3",
            Self::Hbm4 => "HBM4",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Ddr4, Self::Ddr5, Self::Lpddr5, Self::Gddr6, Self::Hbm2, Self::Hbm3, Self::Hbm4]
            .into_iter()
            .find(|standard| standard.name() == name)
    }
}

/// What one channel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DramOrganization {
    /// Pseudo channels: each has its own data bus and banks; they share the command bus. 1 where there are none.
    pub pseudo_channels: u32,
    /// Stack ids (HBM) or ranks of a pseudo channel.
    pub stack_ids: u32,
    /// Bank groups of a stack id.
    pub bank_groups: u32,
    /// Banks of a bank group.
    pub banks: u32,
    /// Rows of a bank.
    pub rows: u32,
    /// Bursts in a row.
    pub bursts: u32,
}

impl DramOrganization {
    /// Banks of one pseudo channel.
    #[must_use]
    pub const fn banks_per_pseudo_channel(&self) -> u32 {
        self.stack_ids * self.bank_groups * self.banks
    }

    /// Banks of the channel.
    #[must_use]
    pub const fn banks_per_channel(&self) -> u32 {
        self.pseudo_channels * self.banks_per_pseudo_channel()
    }
}

/// One kind of DRAM, as one channel of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DramPart {
    /// Name to ask for it by: `HBM3_6400_16Gb_8hi`.
    pub name: String,
    /// Its family.
    pub standard: DramStandard,
    /// Data rate of a pin, in millions of transfers a second.
    pub rate: u32,
    /// Beats of a burst.
    pub beats: u32,
    /// Width of one pseudo channel's data bus, in bits.
    pub width: u32,
    /// What a channel is made of.
    pub organization: DramOrganization,
    /// Timing parameters.
    pub clocks: DramClocks,
    /// Whether the timings were published or derived from those of another rate.
    pub kind: Provenance,
    /// Where they are from.
    pub source: String,
}

impl DramPart {
    /// Bytes one burst moves: the smallest access.
    #[must_use]
    pub const fn burst_bytes(&self) -> u32 {
        self.width / 8 * self.beats
    }

    /// Length of a clock of the command bus, in femtoseconds: a burst of `beats` at `rate` lasts `bl` clocks.
    #[must_use]
    pub fn clock_femtos(&self) -> u64 {
        let burst_femtos = u64::from(self.beats) * 1_000_000_000 / u64::from(self.rate.max(1));
        burst_femtos / u64::from(self.clocks.bl.max(1))
    }

    /// Bandwidth of one channel when every beat carries data.
    #[must_use]
    pub fn channel_bandwidth(&self) -> BytesPerSec {
        let bits = u64::from(self.width) * u64::from(self.organization.pseudo_channels);
        BytesPerSec(bits as f64 / 8.0 * f64::from(self.rate) * 1e6)
    }

    /// Bytes one channel holds.
    #[must_use]
    pub fn channel_capacity(&self) -> Bytes {
        let organization = &self.organization;
        let bursts = u64::from(organization.banks_per_channel())
            * u64::from(organization.rows)
            * u64::from(organization.bursts);
        Bytes(bursts * u64::from(self.burst_bytes()))
    }

    /// The same chip with its pins at another rate: times in nanoseconds stay, so that the clocks change.
    #[must_use]
    pub fn at_rate(&self, rate: u32) -> Self {
        if rate == self.rate {
            return self.clone();
        }
        Self {
            name: format!("{}@{rate}", self.name),
            rate,
            clocks: self.clocks.at_rate(self.rate, rate),
            kind: Provenance::Derived,
            source: format!("the times of {} in nanoseconds, at {rate} MT/s", self.name),
            ..self.clone()
        }
    }
}
