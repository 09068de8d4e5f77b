//! The scenario reader must end with cases or with messages, whatever it is given.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memwall_scenario::{NoFiles, Scenario};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Scenario::read("fuzz.yaml", text, &[], &NoFiles) {
        Ok(scenario) => assert!(!scenario.case_names().is_empty(), "a scenario without cases"),
        Err(problems) => assert!(!problems.to_string().is_empty(), "an error without a message"),
    }
});
