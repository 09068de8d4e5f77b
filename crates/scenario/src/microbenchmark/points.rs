//! Where to measure: amounts with units, ranges, within limits.

use memwall_simulator::log_points;
use memwall_units::{Bytes, Quantity};

use super::spec::{Over, PointsSpec};
use crate::diagnostic::Diagnostics;
use crate::expect::{Amount, plain};
use crate::limits::MAX_POINTS;
use crate::node::{Node, Step};
use crate::source::Sources;
use crate::typed;

/// Threads beyond which nothing makes sense.
const MAX_THREADS: f64 = 1e9;

/// The points that `spec`, written at `node`, asks for, in written order.
pub(crate) fn resolve(
    sources: &Sources,
    node: &Node,
    (over, prefix): (Over, &str),
    spec: &PointsSpec,
    problems: &mut Diagnostics,
) -> Option<Vec<f64>> {
    let mut problem = |path: &[Step], message: String| {
        let (message, help) = typed::message_and_help(&message);
        let at = typed::problem_at(sources, node, prefix, path, message, "");
        problems.push(at.with_help(help));
    };
    match spec {
        PointsSpec::List(list) if list.is_empty() || list.len() > MAX_POINTS => {
            problem(&[], format!("{} points; give 1 to {MAX_POINTS}", list.len()));
            None
        }
        PointsSpec::List(list) => {
            let mut points = Vec::with_capacity(list.len());
            for (index, written) in list.iter().enumerate() {
                match amount(over, written) {
                    Ok(point) => points.push(point),
                    Err(message) => problem(&[Step::Index(index)], message),
                }
            }
            (points.len() == list.len()).then_some(points)
        }
        PointsSpec::Range(range) => {
            let mut end = |key: &str, written: &Amount| {
                let found = amount(over, written);
                found.map_err(|message| problem(&[Step::Key(key.to_owned())], message)).ok()
            };
            let (from, to) = (end("from", &range.from), end("to", &range.to));
            let count = range.count as usize;
            if !(2..=MAX_POINTS).contains(&count) {
                let path = [Step::Key("count".to_owned())];
                problem(&path, format!("{count} points; a range has 2 to {MAX_POINTS}"));
                return None;
            }
            let (from, to) = (from?, to?);
            if from >= to {
                problem(&[Step::Key("to".to_owned())], "`to` is not above `from`".to_owned());
                return None;
            }
            // Shares are no whole numbers: a thousandth of a percent is as fine as they are told apart.
            let scale = if over == Over::Occupancy { 1e5 } else { 1.0 };
            let points = log_points(from * scale, to * scale, count);
            Some(points.into_iter().map(|point| point / scale).collect())
        }
    }
}

/// An amount of what is counted: bytes, threads, or a share.
pub(super) fn amount(over: Over, written: &Amount) -> Result<f64, String> {
    match over {
        Over::Footprint | Over::InFlight => {
            let bytes = Bytes::from_text(&written.text()).map_err(|error| error.to_string())?;
            if bytes.0 == 0 { Err("a point of no bytes".to_owned()) } else { Ok(bytes.as_f64()) }
        }
        Over::Threads => {
            let threads = plain(written).filter(|threads| (1.0..=MAX_THREADS).contains(threads));
            threads.ok_or_else(|| {
                format!("`{}` is no number of threads; give 1 to 1,000,000,000", written.text())
            })
        }
        Over::Occupancy => {
            let share = plain(written).filter(|share| *share > 0.0 && *share <= 1.0);
            share
                .ok_or_else(|| format!("`{}` is no occupancy; such as `25 %`, at most 100 %", written.text()))
        }
    }
}
