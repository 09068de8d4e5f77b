//! The `replay:` block as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

/// Chakra execution traces, and the ranks that run them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaySpec {
    /// Files of Chakra execution traces (`.et`), relative to this one: one for each rank in order, or fewer, each for as
    /// many consecutive ranks. At most 4096.
    pub traces: Vec<String>,
    /// How many ranks. Default: one for each file.
    #[serde(default)]
    pub ranks: Option<u32>,
    /// A JSON file of communicator groups, relative to this one: `{"0": [0, 1], "1": [2, 3]}`. Default: all ranks.
    #[serde(default)]
    pub groups: Option<String>,
}
