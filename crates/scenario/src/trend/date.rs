//! Days of the Gregorian calendar.

use std::fmt;

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    days: i64,
}

/// Days of a year, leap years averaged over: what growth per year is per.
const YEAR: f64 = 365.25;

impl Date {
    /// Reads `2017-06-12`, `2017-06` (its first day) or `2017` (the first of January); years 1900 to 2199.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let mut next = |digits: usize| match parts.next() {
            None => Some(None),
            Some(part) if part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()) => {
                part.parse::<i64>().ok().map(Some)
            }
            Some(_) => None,
        };
        let (year, month, day) = (next(4)??, next(2)?.unwrap_or(1), next(2)?.unwrap_or(1));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let fine = parts.next().is_none() && (1900..2200).contains(&year) && (1..=last).contains(&day);
        fine.then(|| Self { days: days_from(year, month, day) })
    }

    /// Years since 1970-01-01, of 365.25 days each.
    #[must_use]
    pub fn years(self) -> f64 {
        self.days as f64 / YEAR
    }

    /// The day `years` after 1970-01-01, as a year and its part: 2017.45. Plain arithmetic, good to a day.
    #[must_use]
    pub fn decimal_year(years: f64) -> f64 {
        1970.0 + years
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", Self::decimal_year(self.years()))
    }
}

/// Days since 1970-01-01: 365 a year and the leap days before it, then the months. March comes first, so that the leap
/// day is the year's last.
fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = if month <= 2 { month + 9 } else { month - 3 };
    let before = 365 * year + year / 4 - year / 100 + year / 400;
    let epoch = 719_468;
    before + (153 * month + 2) / 5 + day - 1 - epoch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let days = |text| Date::from_text(text).map(|date| date.days);
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("1970"), Some(0));
        assert_eq!(days("1969-12-31"), Some(-1));
        assert_eq!(days("2000-02-29"), Some(11_016));
        assert_eq!(days("2000-03-01"), Some(11_017));
        assert_eq!(days("2026-11"), Some(20_758));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in
            ["", "17", "2017-6", "2017-13", "2017-02-29", "2017-04-31", "2017-01-00", "1899", "2017-01-01-01"]
        {
            assert_eq!(Date::from_text(text), None, "`{text}`");
        }
    }
}
