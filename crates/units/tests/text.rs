//! Quantities in text: what reads, what prints, and what a person is told when it does not.

use memwall_units::{Bytes, BytesPerSec, Flops, FlopsPerSec, Hertz, Joules, Picos, Quantity, Watts};
use proptest::prelude::*;

fn message<T: Quantity + std::fmt::Debug>(text: &str) -> String {
    T::from_text(text).expect_err("this text must not read").to_string()
}

#[test]
fn units_read_with_and_without_a_space() {
    assert_eq!("3.35 TB/s".parse(), Ok(BytesPerSec(3.35e12)));
    assert_eq!("900GB/s".parse(), Ok(BytesPerSec(9e11)));
    assert_eq!("400 Gbit/s".parse(), Ok(BytesPerSec(5e10)));
    assert_eq!("80 GB".parse(), Ok(Bytes(80_000_000_000)));
    assert_eq!("228 KiB".parse(), Ok(Bytes(233_472)));
    assert_eq!("1.5 us".parse(), Ok(Picos(1_500_000)));
    assert_eq!("1.5 µs".parse(), Ok(Picos(1_500_000)));
    assert_eq!("989 TFLOP/s".parse(), Ok(FlopsPerSec(9.89e14)));
    assert_eq!("1979 TOPS".parse(), Ok(FlopsPerSec(1.979e15)));
    assert_eq!("1.98 GHz".parse(), Ok(Hertz(1.98e9)));
    assert_eq!("700 W".parse(), Ok(Watts(700.0)));
    assert_eq!("1e3 GFLOP".parse(), Ok(Flops(1_000_000_000_000)));
    assert_eq!("1_000 B".parse(), Ok(Bytes(1000)));
}

#[test]
fn a_bare_number_is_told_which_units_would_do() {
    assert_eq!(
        message::<BytesPerSec>("3350"),
        "a bare number where a bandwidth is needed: write it with a unit, such as `3350 GB/s` (B/s, kB/s, MB/s, \
         GB/s, TB/s, PB/s, or KiB/s, MiB/s, GiB/s, TiB/s, or Gbit/s)"
    );
    let read = serde_json::from_str::<Picos>("5").expect_err("no unit").to_string();
    assert!(
        read.starts_with("a bare number where a time is needed: write it with a unit, such as `5 us`"),
        "{read}"
    );
}

#[test]
fn a_wrong_unit_is_told_the_nearest_right_one() {
    assert!(message::<BytesPerSec>("3 tb/s").contains("did you mean `TB/s`?"));
    assert!(message::<BytesPerSec>("900 GBps").contains("did you mean `GB/s`?"));
    assert!(message::<Bytes>("80 GHz").starts_with("`GHz` is not a unit of a size in bytes; (B, kB"));
    assert!(message::<Picos>("fast").contains("does not start with a number"));
    assert!(message::<Picos>("").contains("an empty text where a time is needed"));
}

#[test]
fn what_cannot_be_is_refused() {
    for text in ["-1 GB", "1e400 GB", "NaN GB", "inf GB", "1,5 GB", "100 EB", "1e30 B"] {
        assert!(text.parse::<Bytes>().is_err(), "{text}");
    }
    assert!("1e9 h".parse::<Picos>().is_err());
}

#[test]
fn people_read_four_digits_in_a_fitting_unit() {
    assert_eq!(Picos(4_776_119_403).to_string(), "4.776 ms");
    assert_eq!(Picos(0).to_string(), "0 ps");
    assert_eq!(Picos(999_999).to_string(), "1 us");
    assert_eq!(Bytes(50_000_000_000).to_string(), "50 GB");
    assert_eq!(BytesPerSec(3.35e12).to_string(), "3.35 TB/s");
    assert_eq!(Joules(6.2e-13).to_string(), "620 fJ");
    assert_eq!(format!("[{:>8}]", Bytes(5)), "[     5 B]");
}

#[test]
fn times_round_up_and_never_overflow() {
    assert_eq!(BytesPerSec(1e12).time_for(Bytes(3)), Picos(3));
    assert_eq!(BytesPerSec(3e12).time_for(Bytes(1)), Picos(1));
    assert_eq!(BytesPerSec(0.0).time_for(Bytes(1)), Picos::MAX);
    assert_eq!(BytesPerSec(0.0).time_for(Bytes(0)), Picos::ZERO);
    assert_eq!(FlopsPerSec(1e12).time_for(Flops(5)), Picos(5));
    assert_eq!(Picos::from_secs_f64_ceil(f64::NAN), Picos::ZERO);
    assert_eq!(Picos::from_secs_f64_ceil(1e30), Picos::MAX);
    assert_eq!(Picos::MAX.checked_add(Picos(1)), None);
    assert_eq!(Picos(3).saturating_sub(Picos(5)), Picos::ZERO);
    assert_eq!(Flops(10).per_byte(Bytes(0)), None);
}

proptest! {
    /// What a quantity writes for machines reads back as the same quantity.
    #[test]
    fn exact_text_round_trips(integer in any::<u64>(), real in 0.0_f64..1e20) {
        prop_assert_eq!(Picos::from_text(&Picos(integer >> 12).to_exact_text()), Ok(Picos(integer >> 12)));
        prop_assert_eq!(Bytes::from_text(&Bytes(integer >> 12).to_exact_text()), Ok(Bytes(integer >> 12)));
        prop_assert_eq!(BytesPerSec::from_text(&BytesPerSec(real).to_exact_text()), Ok(BytesPerSec(real)));
        prop_assert_eq!(FlopsPerSec::from_text(&FlopsPerSec(real).to_exact_text()), Ok(FlopsPerSec(real)));
    }

    /// Any text ends in a quantity or a message, and no message repeats a long text.
    #[test]
    fn any_text_ends_in_a_short_answer(text in ".{0,300}") {
        let answers = [text.parse::<Bytes>().err(), text.parse::<Picos>().err(), text.parse::<Watts>().err()];
        for error in answers.into_iter().flatten() {
            prop_assert!(error.to_string().chars().count() < 500);
        }
    }
}
