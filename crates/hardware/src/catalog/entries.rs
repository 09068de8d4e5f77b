//! The tables of the catalog's files.

use super::Entry;

macro_rules! entries {
    ($folder:literal: $($name:literal $([$($alias:literal),*])?,)*) => {
        &[$(Entry {
            name: $name,
            aliases: &[$($($alias),*)?],
            yaml: include_str!(concat!("../../catalog/", $folder, "/", $name, ".yaml")),
        },)*]
    };
}

pub(super) const DEVICES: &[Entry] = entries!["devices":
    "a100-sxm-80gb" ["a100", "a100-80gb", "a100-sxm"],
    "h100-sxm" ["h100", "h100-sxm5", "h100-80gb", "h100-sxm-80gb"],
    "h200-sxm" ["h200"],
    "xeon-gold-6242" ["gold-6242", "xeon-6242"],
    "gemmini-kim2023" ["gemmini"],
];

pub(super) const SOFTWARE: &[Entry] = entries!["software":
    "generic" ["default"],
    "tensorrt-llm" ["trtllm", "trt-llm"],
    "vllm",
    "torch-eager" ["pytorch", "torch", "pytorch-eager"],
    "torch-compile" ["pytorch-compile"],
    "pytorch-cpu" ["torch-cpu"],
    "kim2023-gemmini",
];
