//! The readers of address traces must end with accesses or a fault that lies within the line, whatever they are given.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memwall_simulator::request::{MAX_ACCESS_BYTES, TraceReader};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut reader = TraceReader::new(None);
    for line in text.lines() {
        match reader.line(line) {
            Ok(Some(access)) => assert!((1..=MAX_ACCESS_BYTES).contains(&access.bytes)),
            Ok(None) => {}
            Err(fault) => {
                assert!(line.get(fault.range.clone()).is_some(), "{fault:?} lies outside {line:?}");
                return;
            }
        }
    }
});
