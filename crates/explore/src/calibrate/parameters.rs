//! The figures of a device and a profile that may be fitted.

use memwall_hardware::{Device, SoftwareProfile, TierKind, nearest};
use serde_yaml::Value;

use super::CalibrateError;
use super::figures::{self, Measure};
use super::known::{TierNames, rule};

/// A figure that is, or could be, fitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// From a scenario's root: `hardware.matrix.sustained`.
    pub path: String,
    /// What it measures.
    pub measure: Measure,
    /// Value it starts at, in the measure's unit.
    pub start: f64,
    /// Least value.
    pub lowest: f64,
    /// Largest.
    pub highest: f64,
    /// A step of 1: its own size, or some of its range where it starts at 0.
    pub scale: f64,
    rank: usize,
    is_usual: bool,
}

impl Parameter {
    /// From its least to its largest value, in steps.
    pub fn range(&self) -> f64 {
        (self.highest - self.lowest) / self.scale
    }
}

/// A device and a profile as descriptions, whose figures can be changed.
#[derive(Debug, Clone)]
pub(crate) struct Descriptions {
    pub device: Value,
    pub software: Value,
}

impl Descriptions {
    /// Complete ones, every default written out.
    pub fn of(device: &Device, software: &SoftwareProfile) -> Result<Self, CalibrateError> {
        let broken = |error: serde_yaml::Error| CalibrateError::Part(error.to_string());
        Ok(Self {
            device: serde_yaml::to_value(device.to_spec()).map_err(broken)?,
            software: serde_yaml::to_value(software.to_spec()).map_err(broken)?,
        })
    }

    /// Gives a parameter a value.
    pub fn set(&mut self, parameter: &Parameter, value: f64) {
        let (root, path) = match parameter.path.split_once('.') {
            Some(("hardware", path)) => (&mut self.device, path),
            Some((_, path)) => (&mut self.software, path),
            None => return,
        };
        figures::set(root, path, parameter.measure, value);
    }

    /// Every figure that could be fitted, preferred ones first.
    fn all(&self, tiers: &TierNames) -> Vec<Parameter> {
        let of = |block: &str, root: &Value| -> Vec<Parameter> {
            figures::figures(root)
                .into_iter()
                .map(|mut figure| {
                    figure.path = format!("{block}.{}", figure.path);
                    let rule = rule(&figure, tiers);
                    let scale = if figure.value > 0.0 {
                        figure.value
                    } else {
                        (rule.highest - rule.lowest).max(f64::MIN_POSITIVE) * 0.01
                    };
                    Parameter {
                        path: figure.path,
                        measure: figure.measure,
                        start: figure.value,
                        lowest: rule.lowest,
                        highest: rule.highest,
                        scale,
                        rank: rule.rank,
                        is_usual: rule.fitted,
                    }
                })
                .collect()
        };
        let mut all = of("hardware", &self.device);
        all.extend(of("software", &self.software));
        all.sort_by_key(|parameter| parameter.rank);
        all
    }
}

/// The parameters that are fitted unless others are asked for, or those that are asked for.
pub(crate) fn select(
    descriptions: &Descriptions,
    device: &Device,
    software: &str,
    asked: Option<&[String]>,
) -> Result<Vec<Parameter>, CalibrateError> {
    let all = descriptions.all(&tier_names(device));
    let Some(asked) = asked else {
        return Ok(all.into_iter().filter(|parameter| parameter.is_usual).collect());
    };
    for path in asked {
        if !all.iter().any(|parameter| parameter.path == *path) {
            let paths = all.iter().map(|parameter| parameter.path.as_str());
            return Err(CalibrateError::UnknownParameter {
                path: path.chars().take(80).collect(),
                device: device.name.clone(),
                software: software.to_owned(),
                nearest: nearest(path, paths).into_iter().map(str::to_owned).collect(),
            });
        }
    }
    Ok(all.into_iter().filter(|parameter| asked.contains(&parameter.path)).collect())
}

fn tier_names(device: &Device) -> TierNames {
    let last = |wanted: &dyn Fn(&memwall_hardware::Tier) -> bool| {
        device.tiers.iter().rfind(|tier| wanted(tier)).map(|tier| tier.name.clone())
    };
    TierNames {
        dram: last(&|tier| tier.kind == TierKind::Dram),
        cache: last(&|tier| {
            tier.kind == TierKind::Cache && matches!(tier.scope, memwall_hardware::Scope::Shared(_))
        }),
    }
}
