//! Names of number formats, and which format stands in for one an engine lacks.

/// The number formats an engine may have a peak for.
pub const FORMATS: [&str; 10] =
    ["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp4", "int32", "int8", "int4"];

/// `format`, then the formats that hold all its values, nearest first: the order in which a kernel that finds
/// no unit for its inputs widens them. `fp8` gives `fp8, fp16, bf16, tf32, fp32, fp64`. Unknown names give
/// nothing.
#[must_use]
pub fn widening(format: &str) -> &'static [&'static str] {
    match format {
        "fp64" => &["fp64"],
        "fp32" => &["fp32", "fp64"],
        "tf32" => &["tf32", "fp32", "fp64"],
        "bf16" => &["bf16", "tf32", "fp32", "fp64"],
        "fp16" => &["fp16", "tf32", "fp32", "fp64"],
        "fp8" => &["fp8", "fp16", "bf16", "tf32", "fp32", "fp64"],
        "fp4" => &["fp4", "fp8", "fp16", "bf16", "tf32", "fp32", "fp64"],
        "int32" => &["int32", "fp64"],
        // 8-bit integers are exact in bf16, whose significand has 8 bits, and in fp16.
        "int8" => &["int8", "fp16", "bf16", "tf32", "fp32", "fp64"],
        "int4" => &["int4", "int8", "fp8", "fp16", "bf16", "tf32", "fp32", "fp64"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_widens_to_itself_first_and_only_to_known_formats() {
        for format in FORMATS {
            let chain = widening(format);
            assert_eq!(chain.first(), Some(&format));
            assert!(chain.iter().all(|name| FORMATS.contains(name)), "{format}: {chain:?}");
        }
        assert!(widening("fp7").is_empty());
    }
}
