//! One line a case, for spreadsheets.

use crate::{CaseReport, Document, Quantity};

type Column = (&'static str, fn(&CaseReport) -> String);

// The figures of a case. Tiers, engines and operators are lists and stand only in JSON.
const COLUMNS: [Column; 33] = [
    ("name", |case| case.name.clone()),
    ("model", |case| case.model.clone()),
    ("workload", |case| case.workload.clone()),
    ("device", |case| case.device.name.clone()),
    ("software", |case| case.software.clone()),
    ("fidelity", |case| case.fidelity.name().to_owned()),
    ("time_s", |case| number(Some(case.time_s))),
    ("tokens", |case| case.tokens.to_string()),
    ("tokens_per_s", |case| number(case.tokens_per_s)),
    ("ttft_s", |case| number(case.ttft_s)),
    ("tpot_s", |case| number(case.tpot_s)),
    ("flops", |case| case.flops.to_string()),
    ("mops_bytes", |case| case.mops_bytes.to_string()),
    ("dram_bytes", |case| case.dram_bytes.to_string()),
    ("intensity_mops", |case| number(case.intensity_mops)),
    ("intensity_dram", |case| number(case.intensity_dram)),
    ("mfu", |case| number(case.mfu)),
    ("bound_by", |case| case.bound_by.clone()),
    ("roofline_s", |case| number(Some(case.roofline_s))),
    ("times_roofline", |case| number(case.times_roofline)),
    ("expectations_failed", |case| {
        case.expectations.iter().filter(|checked| !checked.passed).count().to_string()
    }),
    ("events", |case| case.events.to_string()),
    ("notes", |case| case.notes.join("; ")),
    ("energy_j", |case| number(Some(case.energy.total_j.likely))),
    ("energy_low_j", |case| number(Some(case.energy.total_j.low))),
    ("energy_high_j", |case| number(Some(case.energy.total_j.high))),
    ("energy_per_token_j", |case| number(case.energy.per_token_j.map(|each| each.likely))),
    ("average_power_w", |case| number(case.energy.average_power_w.map(|power| power.likely))),
    ("area_mm2", |case| number(case.silicon.as_ref().map(|silicon| silicon.area.total_mm2.likely))),
    ("unit_cost_usd", |case| number(unit_cost(case).map(|cost| cost.likely))),
    ("unit_cost_low_usd", |case| number(unit_cost(case).map(|cost| cost.low))),
    ("unit_cost_high_usd", |case| number(unit_cost(case).map(|cost| cost.high))),
    ("energy_unknown", |case| case.energy.unknown.join("; ")),
];

impl Document {
    /// The cases as CSV (RFC 4180 with `\n` line ends), a header line first. Compared quantities add the columns
    /// `published_*` and `error_*`.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let compared: Vec<Quantity> = self.agreement.iter().map(|agreement| agreement.quantity).collect();
        let mut text = String::new();
        let added = compared
            .iter()
            .flat_map(|quantity| ["published", "error"].map(|what| format!("{what}_{}", quantity.name())));
        write_line(&mut text, COLUMNS.iter().map(|(name, _)| (*name).to_owned()).chain(added));
        for case in &self.cases {
            let fields = COLUMNS.iter().map(|(_, get)| get(case));
            let added = compared.iter().flat_map(|quantity| {
                let comparison = case.comparisons.iter().find(|comparison| comparison.quantity == *quantity);
                [
                    number(comparison.map(|found| found.published)),
                    number(comparison.and_then(|found| found.error)),
                ]
            });
            write_line(&mut text, fields.chain(added));
        }
        text
    }
}

pub(crate) fn write_line(text: &mut String, fields: impl Iterator<Item = String>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push('\n');
}

/// What the device costs to make, where that is known.
pub(crate) fn unit_cost(case: &CaseReport) -> Option<memwall_hardware::Estimate> {
    Some(case.silicon.as_ref()?.cost.as_ref()?.total_usd)
}

fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(|value| value.to_string()).unwrap_or_default()
}
