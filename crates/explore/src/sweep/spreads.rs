//! What a Monte Carlo says about each figure.

use memwall_report::{
    Influence, MonteCarloReport, SpreadReport, SweepColumn, SweepColumns, SweepRow, quantile,
};

use crate::calibrate::student;

/// Gathers the samples of a Monte Carlo, eight bytes for each figure and parameter.
#[derive(Debug)]
pub struct Spreads {
    columns: SweepColumns,
    /// By column, a number for each sample that worked; NaN where it has none.
    values: Vec<Vec<f64>>,
    failed: u64,
}

impl Spreads {
    /// Of no samples yet.
    #[must_use]
    pub fn new(columns: SweepColumns) -> Self {
        let values = columns.columns.iter().map(|_| Vec::new()).collect();
        Self { columns, values, failed: 0 }
    }

    /// Takes a sample into account.
    pub fn add(&mut self, row: &SweepRow) {
        if row.error().is_some() {
            self.failed += 1;
            return;
        }
        for ((column, cell), values) in self.columns.columns.iter().zip(&row.cells).zip(&mut self.values) {
            if column.unit.is_some() {
                values.push(cell.as_number().unwrap_or(f64::NAN));
            }
        }
    }

    /// The report of all samples.
    #[must_use]
    pub fn report(&self, scenario: &str) -> MonteCarloReport {
        let axes = self.columns.axes;
        let columns = self.columns.columns.iter().zip(&self.values);
        let figures =
            columns.clone().skip(axes).filter_map(|(column, values)| spread(column, values)).collect();
        let time =
            columns.clone().find(|(column, _)| column.name == "time_s").map(|(_, values)| ranks(values));
        let influence = |(column, values): (&SweepColumn, &Vec<f64>)| Influence {
            parameter: column.name.clone(),
            rank_correlation: time.as_ref().and_then(|time| correlation(&ranks(values), time)),
        };
        let numeric = columns.take(axes).filter(|(column, _)| column.unit.is_some());
        let mut influences: Vec<Influence> = numeric.map(influence).collect();
        let size = |one: &Influence| one.rank_correlation.map_or(-1.0, f64::abs);
        influences.sort_by(|left, right| size(right).total_cmp(&size(left)));
        let samples = self.values.iter().map(Vec::len).max().unwrap_or(0) as u64;
        MonteCarloReport { scenario: scenario.to_owned(), samples, failed: self.failed, figures, influences }
    }
}

/// The spread of a figure; `None` where no sample has it, or where it is zero in all.
fn spread(column: &SweepColumn, values: &[f64]) -> Option<SpreadReport> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if sorted.iter().all(|value| *value == 0.0) {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    // Over the largest, so that no sum overflows.
    let mean = sorted.iter().map(|value| value / count).sum::<f64>();
    let squares = sorted.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    // Of equal values the mean differs from them by a rounding, which is no spread.
    let varies = sorted.first() != sorted.last();
    let deviation = if varies { libm::sqrt(squares / (count - 1.0)) } else { 0.0 };
    let freedom = (sorted.len() - 1) as f64;
    let within = student(freedom).map_or(0.0, |quantile| quantile * deviation / libm::sqrt(count));
    Some(SpreadReport {
        name: column.name.clone(),
        unit: column.unit?,
        samples: sorted.len() as u64,
        mean,
        deviation,
        p5: quantile(&sorted, 0.05),
        p50: quantile(&sorted, 0.5),
        p95: quantile(&sorted, 0.95),
        mean_within: within,
    })
}

/// The rank of each value among all, equal ones sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|at| values[**at] == values[order[start]]).count().max(1);
        let rank = start as f64 + (same as f64 - 1.0) / 2.0;
        for at in &order[start..start + same] {
            ranks[*at] = rank;
        }
        start += same;
    }
    ranks
}

/// Pearson's correlation of two lists of the same length; `None` where one does not vary.
fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let count = left.len() as f64;
    let (mean_left, mean_right) = (left.iter().sum::<f64>() / count, right.iter().sum::<f64>() / count);
    let (mut both, mut of_left, mut of_right) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (left - mean_left, right - mean_right);
        both += left * right;
        of_left += left * left;
        of_right += right * right;
    }
    let size = libm::sqrt(of_left * of_right);
    (size > 0.0).then(|| both / size)
}

#[cfg(test)]
mod tests {
    use memwall_report::Cell;

    use super::*;

    fn of(samples: &[f64]) -> MonteCarloReport {
        let axis = SweepColumn { name: "x".to_owned(), unit: Some(memwall_report::MetricUnit::Plain) };
        let columns = SweepColumns::new(vec![axis]);
        let mut spreads = Spreads::new(columns.clone());
        for (index, sample) in samples.iter().enumerate() {
            let mut cells = vec![Cell::Empty; columns.columns.len()];
            cells[0] = Cell::Number(-sample);
            cells[1] = Cell::Number(*sample);
            spreads.add(&SweepRow { index: index as u64, cells });
        }
        spreads.report("test")
    }

    #[test]
    fn the_figures_are_those_of_the_textbook() {
        let report = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        let time = &report.figures[0];
        assert_eq!((time.mean, time.p50, time.samples), (5.0, 4.5, 8));
        // Squares of the differences add up to 32, over seven.
        assert!((time.deviation - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
        // 2.365 is the 97.5 % quantile of Student's t with seven degrees of freedom.
        let within = 2.364_624 * time.deviation / 8.0_f64.sqrt();
        assert!((time.mean_within - within).abs() < 1e-4, "{} {within}", time.mean_within);
        assert_eq!(report.influences[0].rank_correlation, Some(-1.0));
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        assert_eq!(of(&[3.0, 3.0]).influences[0].rank_correlation, None);
        assert_eq!(of(&[3.0]).figures[0].mean_within, 0.0);
        assert!(of(&[]).figures.is_empty());
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [1.5, 0.0, 1.5, 3.0]);
    }
}
