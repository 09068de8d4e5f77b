//! Which bytes of an address space lie in which channel, bank, row and burst.

use memwall_hardware::DramPart;

use super::dram::Place;

/// How consecutive addresses are spread. The names list the fields from the highest to the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressOrder {
    /// Row, upper column, stack id, bank, bank group, pseudo channel, channel, 256 bytes; channel and bank are
    /// shifted by the row, so that no stride finds only a few of them. As GPUs do.
    #[default]
    Spread,
    /// Row, column, stack id, bank, bank group, pseudo channel, channel: every burst goes to another bank.
    BankInterleaved,
    /// Row, stack id, bank, bank group, column, pseudo channel, channel: a row is filled before the next bank.
    RowInterleaved,
    /// Channel, pseudo channel, stack id, bank group, bank, row, column: nothing is spread.
    Linear,
}

impl AddressOrder {
    /// All orders, with the names users write.
    pub const ALL: [(&'static str, Self); 4] = [
        ("spread", Self::Spread),
        ("bank-interleaved", Self::BankInterleaved),
        ("row-interleaved", Self::RowInterleaved),
        ("linear", Self::Linear),
    ];

    /// The order of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, order)| order)
    }
}

/// Bytes that stay in one channel under [`AddressOrder::Spread`].
const STRIPE: u64 = 256;

/// Finds the place of an address. Addresses beyond the capacity start over.
#[derive(Debug, Clone, Copy)]
pub struct AddressMap {
    order: AddressOrder,
    burst_bytes: u64,
    channels: u64,
    pseudos: u64,
    stacks: u64,
    groups: u64,
    banks: u64,
    rows: u64,
    columns: u64,
    /// Lower columns, together a stripe.
    low_columns: u64,
}

impl AddressMap {
    /// A map over this many channels of a part.
    #[must_use]
    pub fn new(part: &DramPart, channels: u32, order: AddressOrder) -> Self {
        let organization = &part.organization;
        let burst_bytes = u64::from(part.burst_bytes().max(1));
        let columns = u64::from(organization.bursts.max(1));
        let low = (STRIPE / burst_bytes).clamp(1, columns);
        Self {
            order,
            burst_bytes,
            channels: u64::from(channels.max(1)),
            pseudos: u64::from(organization.pseudo_channels.max(1)),
            stacks: u64::from(organization.stack_ids.max(1)),
            groups: u64::from(organization.bank_groups.max(1)),
            banks: u64::from(organization.banks.max(1)),
            rows: u64::from(organization.rows.max(1)),
            columns,
            low_columns: if columns.is_multiple_of(low) { low } else { 1 },
        }
    }

    /// Bytes of a burst.
    #[must_use]
    pub fn burst_bytes(&self) -> u64 {
        self.burst_bytes
    }

    /// Channel and place of the burst that holds the byte at `address`.
    #[must_use]
    pub fn locate(&self, address: u64) -> (usize, Place) {
        let mut rest = Digits(address / self.burst_bytes);
        let (channel, pseudo, group, bank, stack, row, column);
        match self.order {
            AddressOrder::Spread => {
                let low = rest.take(self.low_columns);
                let (spread_channel, spread_pseudo) = (rest.take(self.channels), rest.take(self.pseudos));
                let (spread_group, spread_bank) = (rest.take(self.groups), rest.take(self.banks));
                stack = rest.take(self.stacks);
                column = rest.take(self.columns / self.low_columns) * self.low_columns + low;
                row = rest.0 % self.rows;
                // A shift by the row keeps the map one to one, whatever the counts.
                let upper = column / self.low_columns;
                channel = (spread_channel + row + row / self.channels + upper) % self.channels;
                pseudo = (spread_pseudo + row + upper) % self.pseudos;
                group = (spread_group + row) % self.groups;
                bank = (spread_bank + row / self.groups) % self.banks;
            }
            AddressOrder::BankInterleaved => {
                (channel, pseudo) = (rest.take(self.channels), rest.take(self.pseudos));
                (group, bank, stack) =
                    (rest.take(self.groups), rest.take(self.banks), rest.take(self.stacks));
                column = rest.take(self.columns);
                row = rest.0 % self.rows;
            }
            AddressOrder::RowInterleaved => {
                (channel, pseudo) = (rest.take(self.channels), rest.take(self.pseudos));
                column = rest.take(self.columns);
                (group, bank, stack) =
                    (rest.take(self.groups), rest.take(self.banks), rest.take(self.stacks));
                row = rest.0 % self.rows;
            }
            AddressOrder::Linear => {
                (column, row) = (rest.take(self.columns), rest.take(self.rows));
                (bank, group, stack) =
                    (rest.take(self.banks), rest.take(self.groups), rest.take(self.stacks));
                pseudo = rest.take(self.pseudos);
                channel = rest.0 % self.channels;
            }
        }
        let place = Place {
            pseudo: pseudo as u32,
            bank: ((stack * self.groups + group) * self.banks + bank) as u32,
            row: row as u32,
            column: column as u32,
        };
        (channel as usize, place)
    }
}

/// A number whose lowest digits are taken off, each of its own base.
struct Digits(u64);

impl Digits {
    fn take(&mut self, base: u64) -> u64 {
        let digit;
        if base.is_power_of_two() {
            digit = self.0 & (base - 1);
            self.0 >>= base.trailing_zeros();
        } else {
            digit = self.0 % base;
            self.0 /= base;
        }
        digit
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use memwall_hardware::dram_part;

    use super::*;

    /// Different bursts are in different places, and all channels and banks are used alike.
    #[test]
    fn every_order_is_one_to_one() {
        for (part, channels) in [("HBM3_6400", 5), ("DDR4_2400R", 1), ("LPDDR5_6400", 16), ("HBM4_8000", 80)]
        {
            let part = dram_part(part).expect("known");
            for (name, order) in AddressOrder::ALL {
                let map = AddressMap::new(&part, channels, order);
                let burst = map.burst_bytes();
                let places: BTreeSet<_> = (0..40_000_u64)
                    .map(|index| {
                        let (channel, place) = map.locate(index * burst + index % burst);
                        assert!(channel < channels as usize, "{name}");
                        assert!(place.bank < part.organization.banks_per_pseudo_channel(), "{name}");
                        assert!(
                            place.row < part.organization.rows && place.column < part.organization.bursts
                        );
                        (channel, place.pseudo, place.bank, place.row, place.column)
                    })
                    .collect();
                assert_eq!(places.len(), 40_000, "{name} of {}", part.name);
            }
        }
    }

    /// What a stride of 64 KiB finds: a few banks of one channel, or all of them.
    #[test]
    fn a_power_of_two_stride_is_spread() {
        let part = dram_part("HBM2_2000").expect("known");
        let banks = |order| {
            let map = AddressMap::new(&part, 8, order);
            let found: BTreeSet<_> = (0..4096_u64)
                .map(|index| map.locate(index << 16))
                .map(|(channel, place)| (channel, place.pseudo, place.bank))
                .collect();
            found.len()
        };
        assert!(banks(AddressOrder::BankInterleaved) <= 2);
        assert!(banks(AddressOrder::Spread) >= 128, "{}", banks(AddressOrder::Spread));
    }
}
