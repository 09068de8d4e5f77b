//! Draws rows of numbers as lines across an axis for each column.

use super::canvas::{Canvas, Paper, fitted, tinted, width_of};
use super::legend;
use super::palette::{FAINT, INK, of_role};
use super::scale::Scale;
use super::scatter::{entries, thinned};
use super::{PictureError, Width};
use crate::chart::ParallelCoordinates;

/// Lines beyond these are a carpet; they are thinned out evenly, the front never.
const MOST_LINES: usize = 1000;

pub(super) fn draw(chart: &ParallelCoordinates, paper: Paper) -> Result<Canvas, PictureError> {
    let points = &chart.points;
    let columns = points.columns.len();
    let (others, front) = points.drawn(&(0..columns).collect::<Vec<_>>(), &chart.front);
    let entries = entries(!front.is_empty());
    let legend = legend::height(&entries, f64::from(paper.width.pixels()));
    let height = if paper.width == Width::Wide { 320.0 } else { 280.0 };
    let canvas = Canvas::new(paper, height + legend)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let (top, bottom) = (canvas.top + legend + 44.0, canvas.top + legend + height - 26.0);
    let across = |column: usize| {
        let share = if columns > 1 { column as f64 / (columns - 1) as f64 } else { 0.5 };
        48.0 + share * (canvas.width() - 96.0)
    };
    let scales: Vec<Scale> = points
        .columns
        .iter()
        .enumerate()
        .map(|(column, axis)| {
            let values: Vec<f64> = others.iter().chain(&front).map(|row| points.rows[*row][column]).collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            Scale { low, high, log: axis.log, unit: axis.unit, ticks: vec![low, high] }
        })
        .collect();
    let line = |row: usize| -> Vec<(f64, f64)> {
        let place = |(column, scale): (usize, &Scale)| {
            let share = if scale.high > scale.low { scale.share(points.rows[row][column]) } else { 0.5 };
            (across(column), bottom - share * (bottom - top))
        };
        scales.iter().enumerate().map(place).collect()
    };
    let role = if front.is_empty() { "occupancy" } else { "others" };
    for row in thinned(&others, MOST_LINES) {
        canvas.pen.row(row, &points.words(row));
        canvas.path(&line(row), tinted(of_role(role), 1), 1.2)?;
        canvas.pen.end();
    }
    for row in front {
        canvas.pen.row(row, &points.words(row));
        canvas.path(&line(row), tinted(of_role("front"), 0), 2.0)?;
        canvas.pen.end();
    }
    for (column, scale) in scales.iter().enumerate() {
        let x = across(column);
        canvas.path(&[(x, top), (x, bottom)], tinted(INK, 0), 1.4)?;
        if !scale.low.is_finite() {
            continue;
        }
        let side = |text: &str| width_of(text) / 2.0 + 4.0;
        let inside = |text: &str| x.clamp(side(text), canvas.width() - side(text));
        let (low, high) = (scale.label(scale.low), scale.label(scale.high));
        canvas.centred(inside(&low), bottom + 16.0, &low, FAINT)?;
        canvas.centred(inside(&high), top - 6.0, &high, FAINT)?;
        // Every other title a line higher, so that neighbours have room.
        let room = 2.0 * (canvas.width() - 96.0) / (columns.max(2) - 1) as f64;
        let title = fitted(&points.columns[column].title, room.min(canvas.width() / 2.0));
        let raised = if column % 2 == 1 { 14.0 } else { 0.0 };
        canvas.centred(inside(&title), top - 20.0 - raised, &title, INK)?;
    }
    Ok(canvas)
}
