//! Draws stacked bars that lie below each other.

use super::canvas::{Canvas, Paper, fitted, tinted, width_of};
use super::legend::{self, Entry, Sample};
use super::palette::{FAINT, GRID, INK, of_role};
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{Bar, Part, StackedBars, Unit};
use crate::number::percent;

/// More bars than these nobody reads; the table has the others.
const MOST_BARS: usize = 64;
const BAR: f64 = 20.0;

pub(super) fn draw(chart: &StackedBars, paper: Paper) -> Result<Canvas, PictureError> {
    let width = f64::from(paper.width.pixels());
    let entries: Vec<Entry> = chart.parts.iter().map(entry).collect();
    let legend = legend::height(&entries, width);
    let shown = &chart.bars[..chart.bars.len().min(MOST_BARS)];
    let narrow = paper.width == Width::Narrow;
    let step = if narrow { BAR + 24.0 } else { BAR + 8.0 };
    let canvas = Canvas::new(paper, legend + 8.0 + step * shown.len() as f64 + 46.0)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let names = shown.iter().map(|bar| width_of(&bar.name)).fold(0.0, f64::max).min(210.0);
    let left = if narrow { 14.0 } else { names + 24.0 };
    let totals = shown.iter().map(|bar| width_of(&chart.unit.text(bar.total()))).fold(0.0, f64::max);
    let right = if chart.unit == Unit::Share { 24.0 } else { totals + 18.0 };
    let scale = Scale::linear(chart.unit, 0.0, chart.longest(), if narrow { 3 } else { 6 });
    let plot = Plot { left, width: width - left - right, top: canvas.top + legend + 6.0, step, narrow };
    grid(&canvas, chart, &plot, &scale, shown.len())?;
    for (row, bar) in shown.iter().enumerate() {
        draw_bar(&canvas, chart, bar, row, &plot, &scale)?;
    }
    Ok(canvas)
}

struct Plot {
    left: f64,
    width: f64,
    top: f64,
    step: f64,
    narrow: bool,
}

pub(super) fn entry(part: &Part) -> Entry {
    Entry { name: part.name.clone(), colour: of_role(&part.role), sample: Sample::Box(part.tint) }
}

fn grid(
    canvas: &Canvas,
    chart: &StackedBars,
    plot: &Plot,
    scale: &Scale,
    rows: usize,
) -> Result<(), PictureError> {
    let bottom = plot.top + plot.step * rows as f64;
    for tick in &scale.ticks {
        let x = plot.left + scale.share(*tick) * plot.width;
        canvas.path(&[(x, plot.top), (x, bottom)], tinted(GRID, 0), 1.0)?;
        canvas.centred(x, bottom + 16.0, &scale.label(*tick), FAINT)?;
    }
    canvas.centred(plot.left + plot.width / 2.0, bottom + 36.0, &chart.measures, INK)
}

fn draw_bar(
    canvas: &Canvas,
    chart: &StackedBars,
    bar: &Bar,
    row: usize,
    plot: &Plot,
    scale: &Scale,
) -> Result<(), PictureError> {
    let top = plot.top + plot.step * row as f64 + if plot.narrow { 18.0 } else { 4.0 };
    let baseline = top + BAR / 2.0 + 4.0;
    if plot.narrow {
        canvas.write(plot.left, top - 4.0, &fitted(&bar.name, canvas.width() - 28.0), INK)?;
    } else {
        canvas.ending(plot.left - 8.0, baseline, &fitted(&bar.name, plot.left - 22.0), INK)?;
    }
    let total = bar.total();
    let mut start = 0.0;
    for (part, value) in chart.parts.iter().zip(&bar.values) {
        let (from, to) = (scale.share(start), scale.share(start + value));
        start += value;
        let (x, width) = (plot.left + from * plot.width, (to - from) * plot.width);
        if width < 0.1 {
            continue;
        }
        let share = crate::number::ratio(*value, total).map(percent).unwrap_or_default();
        let length = chart.unit.text(*value);
        let words = if chart.unit == Unit::Share { length } else { format!("{length}, {share}") };
        canvas.pen.mark(&format!("{}: {} {words}", bar.name, part.name));
        let colour = of_role(&part.role);
        canvas.fill((x, top), (width, BAR), tinted(colour, part.tint))?;
        if width > width_of(&share) + 8.0 {
            canvas.centred(x + width / 2.0, baseline, &share, colour.text_on(part.tint))?;
        }
        canvas.pen.end();
    }
    separators(canvas, bar, top, plot, scale)?;
    if let Some(limit) = chart.limits.get(row).copied().flatten() {
        let x = plot.left + scale.share(limit) * plot.width;
        canvas.pen.mark(&format!("{}: limit {}", bar.name, chart.unit.text(limit)));
        canvas.path(&[(x, top - 3.0), (x, top + BAR + 3.0)], tinted(INK, 0), 2.5)?;
        canvas.pen.end();
    }
    if chart.unit != Unit::Share {
        // Beyond the limit's line, where that stands where the words would.
        let after = chart.limits.get(row).copied().flatten().unwrap_or(0.0);
        let words = width_of(&chart.unit.text(total)) + 10.0;
        let end = plot.left + scale.share(total) * plot.width;
        let line = plot.left + scale.share(after) * plot.width;
        let x = if line > end && line < end + words { line } else { end };
        canvas.write(x + 6.0, baseline, &chart.unit.text(total), FAINT)?;
    }
    Ok(())
}

/// A thin line between parts, so that neighbours differ without colour.
fn separators(canvas: &Canvas, bar: &Bar, top: f64, plot: &Plot, scale: &Scale) -> Result<(), PictureError> {
    let mut start = 0.0;
    for value in &bar.values {
        start += value;
        if value * plot.width > scale.high * 2.0 {
            let x = plot.left + scale.share(start) * plot.width;
            canvas.path(&[(x, top), (x, top + BAR)], tinted(super::palette::PAPER, 0), 1.0)?;
        }
    }
    Ok(())
}
