//! The YAML a person writes, validated into a model, a machine and a workload.
