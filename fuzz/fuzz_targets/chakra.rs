//! The reader of Chakra traces must end with a trace that can be replicated, written and read again, or with a message,
//! whatever it is given.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memwall_simulator::chakra::ExecutionTrace;

fuzz_target!(|data: &[u8]| {
    match ExecutionTrace::read(data) {
        Ok(trace) => {
            assert_eq!(trace.check(), Ok(()), "accepted though it cannot be run");
            if let Ok(same) = trace.for_rank(0, u32::MAX) {
                assert_eq!(same, trace, "rank 0 is the trace itself");
            }
            assert_eq!(ExecutionTrace::read(&trace.write()), Ok(trace));
        }
        Err(error) => assert!(!error.to_string().is_empty(), "refused without a message"),
    }
});
