//! The reader of measured rows must end with rows or with problems that name their line, whatever it is given.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memwall_explore::validate::read_rows;

fuzz_target!(|data: &[u8]| {
    let reading = read_rows("fuzz.csv", data);
    for row in &reading.rows {
        assert!(row.seconds > 0.0 && row.seconds.is_finite(), "accepted a time that is none: {row:?}");
        assert!(row.place.line > 1, "a row on the header's line");
    }
    assert!(reading.problems.iter().all(|problem| !problem.message.is_empty()), "a problem without a message");
});
