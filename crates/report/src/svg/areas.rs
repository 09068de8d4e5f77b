//! Draws what memory holds over time, as areas on top of each other.

use super::PictureError;
use super::Width;
use super::axes::{Frame, axes, labels_across, place};
use super::canvas::{Canvas, Paper, tinted, width_of};
use super::legend::{self, Entry, Sample, dash_value};
use super::palette::{INK, of_role};
use super::scale::Scale;
use crate::chart::{MemoryArea, MemoryAreas, Unit};

pub(super) fn draw(chart: &MemoryAreas, paper: Paper) -> Result<Canvas, PictureError> {
    let entries: Vec<Entry> = chart.items.iter().rev().map(entry).collect();
    let legend = legend::height(&entries, f64::from(paper.width.pixels()));
    let height = if paper.width == Width::Wide { 340.0 } else { 280.0 };
    let canvas = Canvas::new(paper, height + legend)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let peak = chart.total(chart.peak);
    let x = Scale::linear(Unit::Seconds, 0.0, chart.end_s, labels_across(canvas.width()));
    // A capacity far above all that is held would press it flat.
    let seen = chart.capacity <= 4.0 * peak;
    let highest = if seen { peak.max(chart.capacity) } else { peak };
    let y = Scale::linear(Unit::Bytes, 0.0, highest, 6).with_headroom(0.1);
    let frame = Frame {
        x: &x,
        y: &y,
        x_title: "time",
        y_title: "device memory",
        top: canvas.top + legend,
        right: 30.0,
        bottom: 4.0,
    };
    let plot = axes(&canvas, &frame)?;
    let mut floor = vec![0.0; chart.times_s.len()];
    for item in &chart.items {
        let ceiling: Vec<f64> = floor.iter().zip(&item.bytes).map(|(floor, bytes)| floor + bytes).collect();
        let mut outline = steps(chart, &ceiling);
        outline.extend(steps(chart, &floor).into_iter().rev());
        let outline: Vec<(f64, f64)> = outline.into_iter().map(|(x, y)| place(&plot, x, y)).collect();
        canvas.pen.mark(&words(chart, item));
        if outline.len() > 2 {
            canvas.area_of(&outline, tinted(of_role(&item.part.role), item.part.tint))?;
        }
        canvas.pen.end();
        floor = ceiling;
    }
    if seen {
        let ends = [place(&plot, 0.0, chart.capacity), place(&plot, x.high, chart.capacity)];
        canvas.pen.group(&format!("stroke-dasharray=\"{}\"", dash_value(1)));
        canvas.path(&ends, tinted(INK, 0), 1.6)?;
        canvas.pen.end();
        let text = format!("capacity {}", Unit::Bytes.text(chart.capacity));
        canvas.rimmed();
        canvas.ending(ends[1].0 - 4.0, ends[1].1 - 5.0, &text, INK)?;
        canvas.pen.end();
    }
    peak_label(&canvas, chart, place(&plot, chart.times_s.get(chart.peak).copied().unwrap_or(0.0), peak))?;
    drop(plot);
    Ok(canvas)
}

/// Says how much the peak is, above where it begins.
fn peak_label(canvas: &Canvas, chart: &MemoryAreas, (x, y): (f64, f64)) -> Result<(), PictureError> {
    if chart.times_s.is_empty() {
        return Ok(());
    }
    let text = format!("peak {}", Unit::Bytes.text(chart.total(chart.peak)));
    let half = width_of(&text) / 2.0;
    let middle = x.clamp(half + 70.0, (canvas.width() - half - 34.0).max(half + 70.0));
    canvas.rimmed();
    canvas.centred(middle, y - 5.0, &text, INK)?;
    canvas.pen.end();
    Ok(())
}

/// The corners of a line that keeps each value until the next moment.
fn steps(chart: &MemoryAreas, values: &[f64]) -> Vec<(f64, f64)> {
    let ends = chart.times_s.iter().skip(1).chain(std::iter::once(&chart.end_s));
    let starts = chart.times_s.iter().zip(ends).zip(values);
    let mut corners: Vec<(f64, f64)> = Vec::with_capacity(2 * values.len());
    for ((start, end), value) in starts {
        match corners.last_mut() {
            // The same height goes on.
            Some(last) if last.1 == *value && last.0 == *start => last.0 = *end,
            _ => corners.extend([(*start, *value), (*end, *value)]),
        }
    }
    corners
}

fn words(chart: &MemoryAreas, item: &MemoryArea) -> String {
    let at_peak = item.bytes.get(chart.peak).copied().unwrap_or(0.0);
    let most = MemoryAreas::most(item);
    let (name, at_peak, most) = (&item.part.name, Unit::Bytes.text(at_peak), Unit::Bytes.text(most));
    if at_peak == most {
        format!("{name}: {most}")
    } else {
        format!("{name}: {at_peak} at the peak, {most} at most")
    }
}

fn entry(item: &MemoryArea) -> Entry {
    let colour = of_role(&item.part.role);
    Entry { name: item.part.name.clone(), colour, sample: Sample::Box(item.part.tint) }
}
