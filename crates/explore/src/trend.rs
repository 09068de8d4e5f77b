//! Fitting the series of a trend.

use memwall_report::chart::{Line as ChartLine, Mark};
use memwall_report::{Crossing, Growth, GrowthReport, Period, RatioReport, TrendDocument, TrendReport};
use memwall_scenario::{Date, Published, Scenario, TrendCase, TrendRatio, TrendSeries};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::run::{asserted, distinct};

/// Of the interval that is given with a rate.
const CONFIDENCE: f64 = 0.95;

/// Fits every series of every case. Nothing of it can fail.
#[must_use]
pub fn run_trends(scenario: &Scenario) -> TrendDocument {
    let cases = scenario.trends.iter().map(trend_report).collect();
    let series = scenario.trends.iter().flat_map(|case| &case.series);
    let sources = distinct(series.filter_map(|series| series.source.as_ref()));
    let seed = scenario.trends.first().map_or(0, |case| case.seed);
    TrendDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases, sources)
}

/// Fits one case, and holds its assertions against the fits.
#[must_use]
pub fn trend_report(case: &TrendCase) -> TrendReport {
    let lines: Vec<Line> = case.series.iter().map(Line::through).collect();
    let series = case.series.iter().zip(&lines).map(|(series, line)| growth(series, line));
    let ratios = case.ratios.iter().filter_map(|ratio| {
        let ends = lines.get(ratio.of).zip(lines.get(ratio.over))?;
        Some(over(case, ratio, ends))
    });
    TrendReport {
        name: case.name.clone(),
        description: case.description.clone(),
        series: series.collect(),
        ratios: ratios.collect(),
        note: case.note.clone(),
        expectations: Vec::new(),
    }
    .checked(&asserted(&case.expect))
}

/// The least-squares line through the logarithms of a series: ln(value) = level + slope (years - middle).
struct Line {
    middle: f64,
    level: f64,
    /// Per year.
    slope: f64,
    /// Half the width of the interval of the slope.
    half_width: f64,
    /// Share of the variance of the logarithms that the line explains.
    r2: Option<f64>,
    first: f64,
    last: f64,
}

impl Line {
    fn through(series: &TrendSeries) -> Self {
        let points: Vec<(f64, f64)> =
            series.points.iter().map(|point| (point.date.years(), libm::log(point.value))).collect();
        let count = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
        let sum =
            |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(x - middle, y - level)).sum::<f64>();
        let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        let slope = xy / xx;
        let left = sum(&|x, y| (y - slope * x) * (y - slope * x));
        let freedom = count - 2.0;
        let times = StudentsT::new(0.0, 1.0, freedom)
            .map_or(f64::INFINITY, |t| t.inverse_cdf(0.5 + CONFIDENCE / 2.0));
        let years = || points.iter().map(|point| point.0);
        Self {
            middle,
            level,
            slope,
            half_width: times * libm::sqrt(left / freedom / xx),
            r2: (yy > 0.0).then_some(1.0 - left / yy),
            first: years().fold(f64::INFINITY, f64::min),
            last: years().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// The logarithm of the fitted value at `years`.
    fn at(&self, years: f64) -> f64 {
        self.level + self.slope * (years - self.middle)
    }
}

/// The points of a series as growth since its first one, and the line through them, for a chart.
pub(crate) fn growth_curves(series: &TrendSeries, colour: usize) -> [ChartLine; 2] {
    let fitted = Line::through(series);
    let first = series.points.iter().min_by(|a, b| a.date.years().total_cmp(&b.date.years()));
    let base = first.map_or(1.0, |point| point.value);
    let mut points: Vec<(f64, f64)> = series
        .points
        .iter()
        .map(|point| (Date::decimal_year(point.date.years()), point.value / base))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let end = |years: f64| (Date::decimal_year(years), libm::exp(fitted.at(years)) / base);
    let name = series.name.clone();
    [
        ChartLine { name: name.clone(), mark: Mark::Dots, colour, points },
        ChartLine {
            name: format!("{name}, fitted"),
            mark: Mark::Line,
            colour,
            points: vec![end(fitted.first), end(fitted.last)],
        },
    ]
}

fn growth(series: &TrendSeries, line: &Line) -> GrowthReport {
    let published = series.published;
    let over = |years: f64, published: Option<Published>| {
        let factor = |slope: f64| libm::exp(slope * years);
        let interval = [line.slope - line.half_width, line.slope + line.half_width].map(factor);
        Growth::new(factor(line.slope), interval, published.map(|one| (one.value, one.rounding)))
    };
    GrowthReport {
        name: series.name.clone(),
        unit: series.unit.clone(),
        points: series.points.len(),
        period: Period { first: Date::decimal_year(line.first), last: Date::decimal_year(line.last) },
        two_years: over(2.0, published.map(|growth| growth.two_years)),
        twenty_years: over(20.0, published.and_then(|growth| growth.twenty_years)),
        r2: line.r2,
    }
}

/// Where both series have points the ratio of their fits is read; where they have none it is a projection.
fn over(case: &TrendCase, ratio: &TrendRatio, (of, over): (&Line, &Line)) -> RatioReport {
    let slope = of.slope - over.slope;
    let log = |years: f64| libm::log(ratio.factor) + of.at(years) - over.at(years);
    let common = (of.first.max(over.first), of.last.min(over.last));
    let crossing = |(name, level): &(String, f64)| {
        // ln(ratio) is a line too: it passes ln(level) once, unless it is flat.
        let years = common.1 + (libm::log(*level) - log(common.1)) / slope;
        let year = Some(Date::decimal_year(years)).filter(|year| year.is_finite());
        Crossing { name: name.clone(), at: *level, year, projected: !(common.0..=common.1).contains(&years) }
    };
    let name = |index: usize| case.series.get(index).map_or_else(String::new, |series| series.name.clone());
    RatioReport {
        name: ratio.name.clone(),
        unit: ratio.unit.clone(),
        of: name(ratio.of),
        over: name(ratio.over),
        two_years: libm::exp(2.0 * slope),
        twenty_years: libm::exp(20.0 * slope),
        year: Date::decimal_year(common.1),
        then: libm::exp(log(common.1)),
        crossings: ratio.marks.iter().map(crossing).collect(),
    }
}
