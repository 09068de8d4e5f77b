//! Rates and other real quantities.

use std::fmt;

use crate::quantity::{HasGrammar, textual};
use crate::text::{Grammar, Unit, parse, write_scaled};
use crate::{Bytes, Flops, Picos, Quantity, UnitError};

/// Defines an `f64` quantity: its newtype, grammar, display scale and text.
macro_rules! real {
    ($(#[$doc:meta])* $type:ident, $name:literal, $grammar:ident, $base:literal, $scale:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
        pub struct $type(pub f64);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_scaled(f, self.0, &$scale)
            }
        }

        impl HasGrammar for $type {
            fn grammar() -> &'static Grammar {
                &$grammar
            }
        }

        impl Quantity for $type {
            fn from_text(text: &str) -> Result<Self, UnitError> {
                parse(&$grammar, text).map(Self)
            }

            // The shortest unit in which the number comes back the same.
            fn to_exact_text(&self) -> String {
                $scale
                    .into_iter()
                    .filter(|(factor, _)| self.0 >= *factor)
                    .map(|(factor, unit)| format!("{} {unit}", self.0 / factor))
                    .find(|text| Self::from_text(text).is_ok_and(|back| back == *self))
                    .unwrap_or_else(|| format!("{} {}", self.0, $base))
            }

            fn what() -> &'static str {
                $grammar.what
            }
        }

        textual!($type, $name);
    };
}

static BANDWIDTH: Grammar = Grammar {
    what: "a bandwidth",
    example: "3.35 TB/s",
    suggest: "GB/s",
    units_help: "B/s, kB/s, MB/s, GB/s, TB/s, PB/s, or KiB/s, MiB/s, GiB/s, TiB/s, or Gbit/s",
    units: &[
        Unit { names: &["B/s"], factor: 1.0 },
        Unit { names: &["kB/s", "KB/s"], factor: 1e3 },
        Unit { names: &["MB/s"], factor: 1e6 },
        Unit { names: &["GB/s"], factor: 1e9 },
        Unit { names: &["TB/s"], factor: 1e12 },
        Unit { names: &["PB/s"], factor: 1e15 },
        Unit { names: &["KiB/s"], factor: 1024.0 },
        Unit { names: &["MiB/s"], factor: 1_048_576.0 },
        Unit { names: &["GiB/s"], factor: 1_073_741_824.0 },
        Unit { names: &["TiB/s"], factor: 1_099_511_627_776.0 },
        Unit { names: &["Gbit/s", "Gb/s", "Gbps"], factor: 0.125e9 },
    ],
};

static COMPUTE: Grammar = Grammar {
    what: "a compute rate",
    example: "989 TFLOP/s",
    suggest: "TFLOP/s",
    units_help: "MFLOP/s, GFLOP/s, TFLOP/s, PFLOP/s, EFLOP/s, or TOP/s and so on for integers",
    units: &[
        Unit { names: &["FLOP/s", "OP/s"], factor: 1.0 },
        Unit { names: &["MFLOP/s", "MFLOPS", "MOP/s", "MOPS"], factor: 1e6 },
        Unit { names: &["GFLOP/s", "GFLOPS", "GOP/s", "GOPS"], factor: 1e9 },
        Unit { names: &["TFLOP/s", "TFLOPS", "TOP/s", "TOPS"], factor: 1e12 },
        Unit { names: &["PFLOP/s", "PFLOPS", "POP/s", "POPS"], factor: 1e15 },
        Unit { names: &["EFLOP/s", "EFLOPS", "EOP/s", "EOPS"], factor: 1e18 },
    ],
};

static FREQUENCY: Grammar = Grammar {
    what: "a frequency",
    example: "1.98 GHz",
    suggest: "GHz",
    units_help: "Hz, kHz, MHz, GHz",
    units: &[
        Unit { names: &["Hz"], factor: 1.0 },
        Unit { names: &["kHz"], factor: 1e3 },
        Unit { names: &["MHz"], factor: 1e6 },
        Unit { names: &["GHz"], factor: 1e9 },
    ],
};

static POWER: Grammar = Grammar {
    what: "a power",
    example: "700 W",
    suggest: "W",
    units_help: "mW, W, kW, MW",
    units: &[
        Unit { names: &["mW"], factor: 1e-3 },
        Unit { names: &["W"], factor: 1.0 },
        Unit { names: &["kW"], factor: 1e3 },
        Unit { names: &["MW"], factor: 1e6 },
    ],
};

static AREA: Grammar = Grammar {
    what: "an area",
    example: "814 mm2",
    suggest: "mm2",
    units_help: "mm2, cm2",
    units: &[Unit { names: &["mm2", "mm²"], factor: 1.0 }, Unit { names: &["cm2", "cm²"], factor: 100.0 }],
};

static ENERGY: Grammar = Grammar {
    what: "an energy",
    example: "0.6 pJ",
    suggest: "pJ",
    units_help: "fJ, pJ, nJ, uJ, mJ, J, kJ, MJ, kWh",
    units: &[
        Unit { names: &["fJ"], factor: 1e-15 },
        Unit { names: &["pJ"], factor: 1e-12 },
        Unit { names: &["nJ"], factor: 1e-9 },
        Unit { names: &["uJ", "µJ", "μJ"], factor: 1e-6 },
        Unit { names: &["mJ"], factor: 1e-3 },
        Unit { names: &["J"], factor: 1.0 },
        Unit { names: &["kJ"], factor: 1e3 },
        Unit { names: &["MJ"], factor: 1e6 },
        Unit { names: &["kWh"], factor: 3.6e6 },
    ],
};

real!(
    /// A bandwidth, in bytes per second.
    BytesPerSec, "Bandwidth", BANDWIDTH, "B/s",
    [(1e15, "PB/s"), (1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")]
);
real!(
    /// A compute rate, in operations per second.
    FlopsPerSec, "ComputeRate", COMPUTE, "FLOP/s",
    [(1e18, "EFLOP/s"), (1e15, "PFLOP/s"), (1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"), (1.0, "FLOP/s")]
);
real!(
    /// A frequency, in hertz.
    Hertz, "Frequency", FREQUENCY, "Hz",
    [(1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz")]
);
real!(
    /// A power, in watts.
    Watts, "Power", POWER, "W",
    [(1e6, "MW"), (1e3, "kW"), (1.0, "W"), (1e-3, "mW")]
);
real!(
    /// An area of silicon, in square millimetres.
    Area, "Area", AREA, "mm2",
    [(1.0, "mm2")]
);
real!(
    /// An energy, in joules.
    Joules, "Energy", ENERGY, "J",
    [(1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"), (1e-15, "fJ")]
);

impl BytesPerSec {
    /// How long `bytes` take at this rate, rounded up; [`Picos::MAX`] at rate zero.
    #[must_use]
    pub fn time_for(self, bytes: Bytes) -> Picos {
        if bytes.0 == 0 {
            return Picos::ZERO;
        }
        Picos::from_secs_f64_ceil(bytes.as_f64() / self.0)
    }
}

impl FlopsPerSec {
    /// How long `flops` take at this rate, rounded up; [`Picos::MAX`] at rate zero.
    #[must_use]
    pub fn time_for(self, flops: Flops) -> Picos {
        if flops.0 == 0 {
            return Picos::ZERO;
        }
        Picos::from_secs_f64_ceil(flops.as_f64() / self.0)
    }
}
