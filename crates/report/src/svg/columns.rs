//! Draws stacked bars that stand side by side: many of a kind, such as layers.

use plotters::element::Rectangle;
use plotters::style::{Color, ShapeStyle};

use super::axes::{Frame, axes, labels_across};
use super::bars::entry;
use super::canvas::{Canvas, Paper, tinted};
use super::legend::{self, Entry};
use super::palette::of_role;
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{StackedBars, Unit};
use crate::number::percent;

/// Columns beyond these would be thinner than a pixel.
const MOST: usize = 320;

pub(super) fn draw(chart: &StackedBars, paper: Paper) -> Result<Canvas, PictureError> {
    let entries: Vec<Entry> = chart.parts.iter().map(entry).collect();
    let legend = legend::height(&entries, f64::from(paper.width.pixels()));
    let height = if paper.width == Width::Wide { 280.0 } else { 240.0 };
    let canvas = Canvas::new(paper, height + legend)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let shown = &chart.bars[..chart.bars.len().min(MOST)];
    let x = Scale::linear(Unit::Plain, 0.0, shown.len() as f64, labels_across(canvas.width()));
    let y = Scale::linear(chart.unit, 0.0, chart.longest(), 5).with_headroom(0.04);
    let frame = Frame {
        x: &x,
        y: &y,
        x_title: &chart.of,
        y_title: &chart.measures,
        top: canvas.top + legend,
        right: 16.0,
        bottom: 4.0,
    };
    let mut plot = axes(&canvas, &frame)?;
    for (number, bar) in shown.iter().enumerate() {
        let (left, right) = (number as f64 + 0.06, number as f64 + 0.94);
        let mut start = 0.0;
        let parts: Vec<String> = chart
            .parts
            .iter()
            .zip(&bar.values)
            .filter_map(|(part, value)| {
                let share = crate::number::ratio(*value, bar.total()).filter(|share| *share >= 0.005)?;
                Some(format!("{} {}", part.name, percent(share)))
            })
            .collect();
        let total = chart.unit.text(bar.total());
        canvas.pen.mark(&format!("{} {}: {total}; {}", chart.of, bar.name, parts.join(", ")));
        for (part, value) in chart.parts.iter().zip(&bar.values).filter(|(_, value)| **value > 0.0) {
            let style = ShapeStyle::from(tinted(of_role(&part.role), part.tint).to_rgba()).filled();
            plot.draw_series([Rectangle::new([(left, start), (right, start + value)], style)])?;
            start += value;
        }
        canvas.pen.end();
    }
    drop(plot);
    Ok(canvas)
}
