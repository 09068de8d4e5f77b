//! Draws many designs as dots, and the front of those that nothing beats.

use super::axes::{Frame, axes, labels_across, place};
use super::canvas::{Canvas, Paper, tinted};
use super::legend::{self, Entry, Sample};
use super::lines::titled;
use super::palette::of_role;
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{Axis, Scatter};

/// Dots beyond these hide each other and slow a page down; they are thinned out evenly, the front never.
pub(super) const MOST_DOTS: usize = 3000;

pub(super) fn draw(chart: &Scatter, paper: Paper) -> Result<Canvas, PictureError> {
    let points = &chart.points;
    let nothing = Axis::default();
    let axis = |column: usize| points.columns.get(column).unwrap_or(&nothing);
    let (others, front) = points.drawn(&[chart.x, chart.y], &chart.front);
    let entries = entries(!front.is_empty());
    let legend = legend::height(&entries, f64::from(paper.width.pixels()));
    let height = if paper.width == Width::Wide { 380.0 } else { 310.0 };
    let canvas = Canvas::new(paper, height + legend)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let rows = || others.iter().chain(&front);
    let values = |column: usize| rows().map(move |row| points.rows[*row][column]);
    let x = Scale::around(axis(chart.x), values(chart.x), labels_across(canvas.width()));
    let y = Scale::around(axis(chart.y), values(chart.y), 7);
    let y = if y.log { y } else { y.with_headroom(0.05) };
    let (x_title, y_title) = (titled(axis(chart.x)), titled(axis(chart.y)));
    let frame = Frame {
        x: &x,
        y: &y,
        x_title: &x_title,
        y_title: &y_title,
        top: canvas.top + legend,
        right: 30.0,
        bottom: 4.0,
    };
    let plot = axes(&canvas, &frame)?;
    let at = |row: usize| place(&plot, points.rows[row][chart.x], points.rows[row][chart.y]);
    for row in thinned(&others, MOST_DOTS) {
        canvas.pen.row(row, &points.words(row));
        canvas.marker(
            at(row),
            0,
            3.2,
            of_role(if front.is_empty() { "occupancy" } else { "others" }),
            false,
        )?;
        canvas.pen.end();
    }
    let mut path: Vec<(f64, f64)> = front.iter().map(|row| at(*row)).collect();
    path.sort_by(|a, b| a.0.total_cmp(&b.0));
    if path.len() > 1 {
        canvas.path(&path, tinted(of_role("front"), 0), 1.6)?;
    }
    for row in front {
        canvas.pen.row(row, &points.words(row));
        canvas.marker(at(row), 3, 4.4, of_role("front"), false)?;
        canvas.pen.end();
    }
    drop(plot);
    Ok(canvas)
}

/// At most `most` of `rows`, spread evenly.
pub(super) fn thinned(rows: &[usize], most: usize) -> impl Iterator<Item = usize> + '_ {
    let count = rows.len().min(most);
    (0..count).map(move |index| rows[index * rows.len() / count.max(1)])
}

/// What the colours of designs mean.
pub(super) fn entries(front: bool) -> Vec<Entry> {
    if !front {
        return Vec::new();
    }
    let entry = |name: &str, role: &str, shape: usize| Entry {
        name: name.to_owned(),
        colour: of_role(role),
        sample: Sample::Marker(shape),
    };
    vec![entry("nothing beats these (Pareto front)", "front", 3), entry("others", "others", 0)]
}
