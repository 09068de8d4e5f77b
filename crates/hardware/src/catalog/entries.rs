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
    "p100-pcie" ["p100"],
    "p4" ["tesla-p4"],
    "v100-sxm2-32gb" ["v100", "v100-sxm2", "v100-sxm", "v100-32gb"],
    "v100-pcie-32gb" ["v100-pcie"],
    "t4" ["tesla-t4"],
    "a100-sxm-80gb" ["a100", "a100-80gb", "a100-sxm", "a100-sxm4-80gb"],
    "a100-sxm-40gb" ["a100-40gb", "a100-sxm4-40gb"],
    "a100-pcie-80gb" ["a100-pcie"],
    "a100-pcie-40gb",
    "a40",
    "l4",
    "l40s",
    "rtx-4090" ["4090", "geforce-rtx-4090"],
    "h100-sxm" ["h100", "h100-sxm5", "h100-80gb", "h100-sxm-80gb"],
    "h100-sxm-96gb" ["h100-96gb"],
    "h100-pcie" ["h100-pcie-80gb"],
    "h200-sxm" ["h200", "h200-sxm-141gb"],
    "gh200" ["gh200-96gb"],
    "b200-sxm" ["b200"],
    "b300-sxm" ["b300"],
    "gb200",
    "gb300",
    "rtx-pro-6000" ["rtx-pro-6000-blackwell", "rtx-pro-6000-server"],
    "jetson-agx-orin" ["orin", "agx-orin"],
    "jetson-thor" ["thor", "agx-thor"],
    "mi210" ["instinct-mi210"],
    "mi250x" ["mi250"],
    "mi300x" ["mi300"],
    "tpu-v3" ["tpuv3"],
    "tpu-v4" ["tpuv4"],
    "tpu-v5e" ["tpuv5e"],
    "tpu-v5p" ["tpuv5p"],
    "tpu-v6e" ["tpuv6e", "trillium"],
    "gaudi2" ["gaudi-2"],
    "gaudi3" ["gaudi-3"],
    "trainium1" ["trn1", "trainium", "trainium-1"],
    "trainium2" ["trn2", "trainium-2"],
    "grace" ["grace-cpu"],
    "xeon-gold-6242" ["gold-6242", "xeon-6242"],
    "m2-ultra" ["apple-m2-ultra"],
    "gemmini-kim2023" ["gemmini"],
];

pub(super) const SOFTWARE: &[Entry] = entries!["software":
    "generic" ["default"],
    "tensorrt-llm" ["trtllm", "trt-llm"],
    "trtllm-0.5" ["trtllm-0.5-0.6", "trtllm-0.6"],
    "vllm",
    "vllm-0.19",
    "torch-eager" ["pytorch", "torch", "pytorch-eager"],
    "torch-compile" ["pytorch-compile"],
    "torch-graph",
    "torch-stream",
    "torch-eager-2023",
    "torch-vllm-2023",
    "splitwise-vllm-2023",
    "torch-2.1-fp32",
    "megatron-deepspeed-2023",
    "megatron-2021" ["megatron", "megatron-lm", "megatron-2022"],
    "torchtitan",
    "torchtitan-eager",
    "cutlass-best-cold" ["cutlass", "cutlass-best"],
    "pytorch-cpu" ["torch-cpu"],
    "kim2023-gemmini",
];

pub(super) const SYSTEMS: &[Entry] = entries!["systems":
    "dgx-v100" ["dgx-1-v100"],
    "dgx-a100",
    "dgx-h100",
    "dgx-h200",
    "dgx-b200",
    "dgx-b300",
    "gb200-nvl72",
    "gb300-nvl72",
    "l40s-pcie",
    "rtx-pro-6000-pcie",
    "t4-pcie",
    "4xa100-nvlink-full",
    "8xmi300x" ["mi300x-platform", "hgx-mi300x"],
    "hgx-a100-ib",
    "hgx-h100-ib",
    "hgx-h100-roce",
    "hgx-h100-96gb-roce",
    "tpu-v3-pod",
    "tpu-v4-pod",
    "tpu-v5e-pod",
    "tpu-v5p-pod",
];

pub(super) const COMMUNICATION: &[Entry] = entries!["communication":
    "nccl" ["nccl-2"],
];
