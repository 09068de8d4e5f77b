//! Draws lines and dots over two axes.

use super::axes::{Frame, axes, labels_across, place};
use super::canvas::{Canvas, Paper, tinted};
use super::legend::{self, Entry, Sample, dash_value};
use super::palette::of_series;
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{Axis, Line, Lines, Mark};

/// Series with an entry of their own in the legend.
const MOST_NAMED: usize = 24;
/// Series of more points have smaller ones.
const CROWDED: usize = 40;

pub(super) fn draw(chart: &Lines, paper: Paper) -> Result<Canvas, PictureError> {
    let entries: Vec<Entry> = chart.lines.iter().take(MOST_NAMED).map(entry).collect();
    let legend = legend::height(&entries, f64::from(paper.width.pixels()));
    let height = if paper.width == Width::Wide { 360.0 } else { 300.0 };
    let canvas = Canvas::new(paper, height + legend)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let x = across(&chart.x, points().map(|point| point.0), canvas.width());
    let y = Scale::around(&chart.y, points().map(|point| point.1), 7);
    let y = if chart.y.log { y } else { y.with_headroom(0.06) };
    let (x_title, y_title) = (titled(&chart.x), titled(&chart.y));
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
    for line in &chart.lines {
        let colour = of_series(line.colour);
        let usable = |(x, y): &&(f64, f64)| {
            x.is_finite() && y.is_finite() && (*x > 0.0 || !chart.x.log) && (*y > 0.0 || !chart.y.log)
        };
        let points: Vec<&(f64, f64)> = line.points.iter().filter(usable).collect();
        if line.mark == Mark::Line && points.len() > 1 {
            let path: Vec<_> = points.iter().map(|point| place(&plot, point.0, point.1)).collect();
            canvas.pen.group(&format!("stroke-dasharray=\"{}\"", dash_value(line.colour)));
            canvas.path(&path, tinted(colour, 0), 2.0)?;
            canvas.pen.end();
        }
        let crowded = points.len() > CROWDED;
        for point in points {
            let (at, up) = (chart.x.unit.text(point.0), chart.y.unit.text(point.1));
            canvas.pen.mark(&format!("{}: {up} at {at}", line.name));
            let hollow = line.mark == Mark::Dots;
            let radius = match (hollow, crowded) {
                (true, false) => 4.0,
                (true, true) | (false, false) => 2.8,
                (false, true) => 1.2,
            };
            canvas.marker(place(&plot, point.0, point.1), line.colour, radius, colour, hollow)?;
            canvas.pen.end();
        }
    }
    drop(plot);
    Ok(canvas)
}

/// The scale across: a share or a count needs no zero.
fn across(axis: &Axis, values: impl Iterator<Item = f64>, width: f64) -> Scale {
    Scale::around(axis, values, labels_across(width))
}

/// The axis' title, with what kind of scale it is.
pub(super) fn titled(axis: &Axis) -> String {
    if axis.log { format!("{} (log scale)", axis.title) } else { axis.title.clone() }
}

fn entry(line: &Line) -> Entry {
    let sample = match line.mark {
        Mark::Line => Sample::Line { series: line.colour, marker: true },
        Mark::Dots => Sample::Hollow(line.colour),
    };
    Entry { name: line.name.clone(), colour: of_series(line.colour), sample }
}
