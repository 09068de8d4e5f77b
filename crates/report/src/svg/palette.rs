//! Colours: few, the same in every picture, and told apart by people who see colours differently.
//!
//! The eight of Okabe and Ito (2008), with two of Tol's muted set (wine, indigo) and greys. Each has a second shade for
//! dark pages. Nothing is said by colour alone: series have shapes and dashes of their own, bars have tables.

use plotters::style::RGBColor;

/// A colour by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// What it is called in style sheets: `--bandwidth`.
    pub name: &'static str,
    /// On light ground.
    pub light: (u8, u8, u8),
    /// On dark ground.
    pub dark: (u8, u8, u8),
}

const fn colour(name: &'static str, light: u32, dark: u32) -> Colour {
    const fn parts(hex: u32) -> (u8, u8, u8) {
        ((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
    }
    Colour { name, light: parts(light), dark: parts(dark) }
}

/// Text and lines that matter.
pub(super) const INK: Colour = colour("ink", 0x1b1f24, 0xe6e9ed);
/// Text that explains.
pub(super) const FAINT: Colour = colour("faint", 0x5b6570, 0x9aa4af);
/// Lines that help the eye.
pub(super) const GRID: Colour = colour("grid", 0xdfe3e8, 0x343b44);
/// The ground.
pub(super) const PAPER: Colour = colour("paper", 0xffffff, 0x161a1f);
/// Text on a part of a bar that is dark on light ground; on dark ground all parts are light.
pub(super) const ON_DARK: Colour = colour("on-dark", 0xfffffe, 0x14171c);
/// Text on a part of a bar that is light.
pub(super) const ON_LIGHT: Colour = colour("on-light", 0x14171a, 0x14171b);

/// All colours, for style sheets.
pub(crate) const ALL: [Colour; 22] = [
    INK,
    FAINT,
    GRID,
    PAPER,
    ON_DARK,
    ON_LIGHT,
    colour("compute", 0x009e73, 0x1fb58a),
    colour("bandwidth", 0xd55e00, 0xe8762b),
    colour("latency", 0xe69f00, 0xf0b32e),
    colour("occupancy", 0x0072b2, 0x4a9fd8),
    colour("efficiency", 0x56b4e9, 0x7cc7f2),
    colour("launch", 0xcc79a7, 0xd98fb8),
    colour("ramp", 0x8c7b6b, 0xa8988a),
    colour("capacity", 0x882255, 0xc2568c),
    colour("dependency", 0x6f7680, 0x8d949e),
    colour("power", 0xf0e442, 0xf0e443),
    colour("communication", 0x332288, 0x8f7fe0),
    colour("idle", 0xc9ced4, 0x4d5560),
    colour("read", 0x0072b3, 0x4a9fd9),
    colour("written", 0xe69f01, 0xf0b32f),
    colour("front", 0xd55e01, 0xe8762c),
    colour("others", 0x8a949f, 0x77818c),
];

/// Colours of series that mean nothing beyond being different, in order.
const SERIES: [&str; 7] =
    ["occupancy", "bandwidth", "compute", "launch", "latency", "capacity", "efficiency"];

/// The colour of a role, such as a cause of stalls; grey for one there is no colour for.
pub(super) fn of_role(role: &str) -> Colour {
    let known = |name: &str| ALL.into_iter().find(|colour| colour.name == name);
    known(role).or_else(|| known("idle")).unwrap_or(INK)
}

/// The colour of the series of a number.
pub(super) fn of_series(number: usize) -> Colour {
    of_role(SERIES[number % SERIES.len()])
}

/// Which colour has this shade on light ground.
pub(super) fn named(rgb: (u8, u8, u8)) -> Option<Colour> {
    ALL.into_iter().find(|colour| colour.light == rgb)
}

impl Colour {
    pub(super) const fn rgb(self) -> RGBColor {
        RGBColor(self.light.0, self.light.1, self.light.2)
    }

    /// The colour that text on this one has to be seen.
    pub(super) fn text_on(self, tint: u8) -> Colour {
        let (red, green, blue) = self.light;
        // The weights of relative luminance; tints are mixed with the ground.
        let own = 0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue);
        if own < 110.0 && tint == 0 { ON_DARK } else { ON_LIGHT }
    }
}

/// `#d55e00`.
pub(crate) fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use memwall_simulator::Cause;

    #[test]
    fn every_colour_is_known_by_its_shade() {
        for colour in ALL {
            assert_eq!(named(colour.light).map(|found| found.name), Some(colour.name));
        }
    }

    #[test]
    fn every_cause_has_a_colour_of_its_own() {
        for cause in Cause::ALL {
            assert_eq!(of_role(cause.name()).name, cause.name());
        }
    }
}
