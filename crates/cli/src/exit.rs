//! Exit codes. Scripts may rely on them.

use std::process::ExitCode;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all went well.
    Ok = 0,
    /// 1: a fault of memwall itself.
    Internal = 1,
    /// 2: the command line makes no sense.
    Usage = 2,
    /// 3: the input is not valid, does not exist or cannot run, or the output cannot be written.
    InvalidInput = 3,
    /// 4: an `expect:` of the scenario did not come true.
    ExpectationFailed = 4,
    /// 5: a limit (events, simulated time, operators) ended the run.
    Limit = 5,
    /// 130: Ctrl-C or a request to end stopped a sweep; what was done is kept where there is an output file.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
