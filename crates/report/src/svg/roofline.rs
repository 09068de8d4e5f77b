//! Draws a hierarchical roofline.

use super::axes::{Frame, Plot, axes, labels_across, place};
use super::canvas::{Canvas, Paper, tinted, width_of};
use super::labels::Labels;
use super::legend::{self, Entry, Sample, dash_value};
use super::palette::{FAINT, INK, of_series};
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{Axis, Dot, Roofline, Unit};
use crate::number::{percent, significant};

/// Operators with their names beside the dots.
const NAMED: usize = 7;
/// How many times the ridge point of its tier a dot may lie to the right.
const FARTHEST: f64 = 30.0;

pub(super) fn draw(chart: &Roofline, paper: Paper) -> Result<Canvas, PictureError> {
    let entries = entries(chart);
    // Far right of its ridge a tier hardly has anything to do; such dots would only press the others together.
    let peak = highest(chart);
    let near = |dot: &&Dot| dot.intensity <= FARTHEST * peak / chart.tiers[dot.tier].value;
    let chart = &Roofline { dots: chart.dots.iter().filter(near).cloned().collect(), ..chart.clone() };
    let legend = legend::height(&entries, f64::from(paper.width.pixels()));
    let height = if paper.width == Width::Wide { 400.0 } else { 330.0 };
    let canvas = Canvas::new(paper, height + legend)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let (x, y) = scales(chart, canvas.width());
    let frame = Frame {
        x: &x,
        y: &y,
        x_title: "FLOPs for each byte that moved at the tier (log scale)",
        y_title: "FLOPs a second (log scale)",
        top: canvas.top + legend,
        right: 16.0,
        bottom: 4.0,
    };
    let plot = axes(&canvas, &frame)?;
    roofs(&canvas, chart, &plot, &x, &y)?;
    dots(&canvas, chart, &plot)?;
    peak_names(&canvas, chart, &plot, &x)?;
    names(&canvas, chart, &plot, (&x, &y))?;
    drop(plot);
    Ok(canvas)
}

/// The highest peak, in FLOPs a second.
fn highest(chart: &Roofline) -> f64 {
    chart.peaks.iter().map(|peak| peak.value).fold(0.0, f64::max)
}

fn entries(chart: &Roofline) -> Vec<Entry> {
    let entry = |(tier, roof): (usize, &crate::chart::Roof)| Entry {
        name: format!("{}, {}", roof.name, Unit::BytesPerSec.text(roof.value)),
        colour: of_series(tier),
        sample: Sample::Line { series: tier, marker: true },
    };
    chart.tiers.iter().enumerate().map(entry).collect()
}

/// All dots, the ridge points of all tiers, and the highest peak are to be seen.
fn scales(chart: &Roofline, width: f64) -> (Scale, Scale) {
    let peak = highest(chart);
    let ridges = chart.tiers.iter().map(|tier| peak / tier.value * 2.0);
    let across = chart.dots.iter().map(|dot| dot.intensity).chain(ridges);
    let peaks = chart.peaks.iter().map(|peak| peak.value);
    let x = Scale::around(&Axis::log("", Unit::Plain), across, labels_across(width));
    let up = chart.dots.iter().map(|dot| dot.rate).chain(peaks);
    (x, Scale::around(&Axis::log("", Unit::FlopsPerSec), up, 8))
}

fn roofs(canvas: &Canvas, chart: &Roofline, plot: &Plot, x: &Scale, y: &Scale) -> Result<(), PictureError> {
    let peak = highest(chart);
    for (tier, roof) in chart.tiers.iter().enumerate() {
        let start = x.low.max(y.low / roof.value);
        let ridge = if peak > 0.0 { (peak / roof.value).min(x.high) } else { x.high };
        if start >= ridge {
            continue;
        }
        let ends = [start, ridge].map(|intensity| place(plot, intensity, intensity * roof.value));
        canvas.pen.group(&format!("stroke-dasharray=\"{}\"", dash_value(tier)));
        canvas.path(&ends, tinted(of_series(tier), 0), 2.0)?;
        canvas.pen.end();
    }
    let widest = chart.tiers.iter().map(|tier| tier.value).fold(0.0, f64::max);
    for peak in &chart.peaks {
        let start = if widest > 0.0 { (peak.value / widest).max(x.low) } else { x.low };
        let ends = [start, x.high].map(|intensity| place(plot, intensity, peak.value));
        canvas.path(&ends, tinted(INK, 0), 1.6)?;
    }
    Ok(())
}

/// What the levels are, the highest first; one that would lie on another's name stays without.
fn peak_names(canvas: &Canvas, chart: &Roofline, plot: &Plot, x: &Scale) -> Result<(), PictureError> {
    let mut peaks: Vec<_> = chart.peaks.iter().collect();
    peaks.sort_by(|a, b| b.value.total_cmp(&a.value));
    let mut above = f64::NEG_INFINITY;
    canvas.rimmed();
    for peak in peaks {
        let (right, level) = place(plot, x.high, peak.value);
        let baseline = level - 5.0;
        if baseline - above > 14.0 {
            let words = format!("{} peak {}", peak.name, Unit::FlopsPerSec.text(peak.value));
            canvas.ending(right - 4.0, baseline, &words, INK)?;
            above = baseline;
        }
    }
    canvas.pen.end();
    Ok(())
}

/// The outermost tier is drawn last, of one tier the largest first, so that none hides another.
fn dots(canvas: &Canvas, chart: &Roofline, plot: &Plot) -> Result<(), PictureError> {
    let mut order: Vec<&Dot> = chart.dots.iter().collect();
    order.sort_by(|a, b| a.tier.cmp(&b.tier).then(b.share.total_cmp(&a.share)));
    for dot in order {
        let tier = &chart.tiers[dot.tier];
        canvas.pen.mark(&format!(
            "{} at {}: {} FLOPs a byte, {}, {} of the time, {}",
            dot.name,
            tier.name,
            significant(dot.intensity, 3),
            Unit::FlopsPerSec.text(dot.rate),
            percent(dot.share),
            dot.bound_by
        ));
        let at = place(plot, dot.intensity, dot.rate);
        // The memory wall stands out; inner tiers are hollow, and let it shine through.
        let hollow = dot.tier + 1 < chart.tiers.len();
        canvas.marker(at, dot.tier, radius(dot), of_series(dot.tier), hollow)?;
        canvas.pen.end();
    }
    Ok(())
}

/// Its area grows with its part of the time.
fn radius(dot: &Dot) -> f64 {
    3.4 + 5.6 * dot.share.clamp(0.0, 1.0).sqrt()
}

/// Names stand beside the dots of the outermost tier: the memory wall.
fn names(
    canvas: &Canvas,
    chart: &Roofline,
    plot: &Plot,
    (x, y): (&Scale, &Scale),
) -> Result<(), PictureError> {
    let mut labels = Labels::default();
    for dot in &chart.dots {
        labels.avoid(place(plot, dot.intensity, dot.rate), radius(dot));
    }
    for peak in &chart.peaks {
        let (right, level) = place(plot, x.high, peak.value);
        let width = width_of("vector peak 100.0 TFLOP/s");
        for part in 0..40 {
            let (start, _) = place(plot, x.low, peak.value);
            labels.avoid((start + (right - start) * f64::from(part) / 40.0, level), 4.0);
        }
        for part in 0..8 {
            labels.avoid((right - width * f64::from(part) / 8.0, level - 8.0), 12.0);
        }
    }
    let (left, bottom) = place(plot, x.low, y.low);
    let (right, top) = place(plot, x.high, y.high);
    let outermost = chart.tiers.len().saturating_sub(1);
    let mut slowest: Vec<&Dot> = chart.dots.iter().filter(|dot| dot.tier == outermost).collect();
    slowest.sort_by(|a, b| b.share.total_cmp(&a.share));
    for dot in slowest.into_iter().take(NAMED) {
        let at = place(plot, dot.intensity, dot.rate);
        canvas.rimmed();
        labels.write(canvas, at, radius(dot), &dot.name, FAINT, (left, top, right, bottom))?;
        canvas.pen.end();
    }
    Ok(())
}
