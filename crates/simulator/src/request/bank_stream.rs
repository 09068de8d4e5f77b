//! The stream that suits DRAM best: it walks the banks, and in each the bursts of open rows.

use memwall_hardware::DramOrganization;

use super::dram::Place;

/// Bursts in an order that keeps all banks at work: pseudo channels change fastest, then bank groups, banks and stack
/// ids; then comes the next burst of the row, then the next row. Rows end at different times in different banks.
#[derive(Debug, Clone, Copy)]
pub struct BankStream {
    organization: DramOrganization,
    units: u64,
    bursts_per_visit: u64,
}

impl BankStream {
    /// A stream that takes `bursts_per_visit` bursts of a row before it goes to the next: 1 opens a row for every
    /// burst. 0, or more than a row has, takes whole rows.
    #[must_use]
    pub fn new(organization: DramOrganization, bursts_per_visit: u32) -> Self {
        let whole = organization.bursts.max(1);
        let bursts = if bursts_per_visit == 0 { whole } else { bursts_per_visit.min(whole) };
        Self {
            organization,
            units: u64::from(organization.banks_per_channel().max(1)),
            bursts_per_visit: u64::from(bursts),
        }
    }

    /// The place of the `index`th request.
    #[must_use]
    pub fn place(&self, index: u64) -> Place {
        let organization = &self.organization;
        let unit = index % self.units;
        let [pseudos, groups, banks] =
            [organization.pseudo_channels, organization.bank_groups, organization.banks]
                .map(|count| u64::from(count.max(1)));
        let (pseudo, unit_rest) = (unit % pseudos, unit / pseudos);
        let (group, unit_rest) = (unit_rest % groups, unit_rest / groups);
        let (bank, stack) = (unit_rest % banks, unit_rest / banks);
        // Banks are out of step, so that they do not all change rows at once.
        let visit = self.bursts_per_visit;
        let ahead = if self.units <= visit {
            unit * visit / self.units
        } else {
            unit / self.units.div_ceil(visit) % visit
        };
        let burst = index / self.units + ahead;
        Place {
            pseudo: pseudo as u32,
            bank: ((stack * groups + group) * banks + bank) as u32,
            row: (burst / visit % u64::from(organization.rows.max(1))) as u32,
            column: (burst % visit) as u32,
        }
    }
}
