//! Two axes with a grid, as plotters lays them out.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::style::Color;

use super::PictureError;
use super::canvas::{Canvas, axis_text, fine, width_of};
use super::palette::{FAINT, GRID, INK};
use super::scale::Scale;
use super::sheet::{FINE, Sheet};

pub(super) type Plot<'a> = ChartContext<'a, Sheet, Cartesian2d<Scale, Scale>>;

/// The chart's place and the words beside it.
pub(super) struct Frame<'a> {
    pub x: &'a Scale,
    pub y: &'a Scale,
    pub x_title: &'a str,
    pub y_title: &'a str,
    /// Pixels kept free above, from the top of the canvas.
    pub top: f64,
    /// Pixels kept free on the right.
    pub right: f64,
    /// Pixels kept free below.
    pub bottom: f64,
}

/// Height of what stands above and below the plot itself.
pub(super) const ABOVE: f64 = 22.0;
pub(super) const BELOW: f64 = 44.0;

/// Draws the axes and returns where values lie.
pub(super) fn axes<'a>(canvas: &'a Canvas, frame: &Frame) -> Result<Plot<'a>, PictureError> {
    let labels = frame.y.ticks.iter().map(|tick| width_of(&frame.y.label(*tick))).fold(0.0, f64::max);
    let left = labels.max(24.0) + 14.0;
    let mut chart = ChartBuilder::on(&canvas.area)
        .margin_top(fine(frame.top + ABOVE))
        .margin_right(fine(frame.right))
        .margin_bottom(fine(frame.bottom))
        .y_label_area_size(fine(left))
        .x_label_area_size(fine(BELOW))
        .build_cartesian_2d(frame.x.clone(), frame.y.clone())?;
    let across = |value: &f64| frame.x.label(*value);
    let up = |value: &f64| frame.y.label(*value);
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(GRID.rgb().stroke_width(FINE as u32))
        .axis_style(FAINT.rgb().stroke_width(FINE as u32))
        .set_all_tick_mark_size(fine(4.0))
        .label_style(axis_text())
        .x_label_formatter(&across)
        .y_label_formatter(&up)
        .draw()?;
    canvas.write(14.0, frame.top + 12.0, frame.y_title, INK)?;
    let (x, y) = chart.plotting_area().get_pixel_range();
    let middle = f64::from(x.start + x.end) / 2.0 / f64::from(FINE);
    let bottom = f64::from(y.end) / f64::from(FINE);
    let half = width_of(frame.x_title) / 2.0;
    let middle = middle.min(canvas.width() - half - 4.0).max(half + 4.0);
    canvas.centred(middle, bottom + BELOW - 8.0, frame.x_title, INK)?;
    Ok(chart)
}

/// Where a point of the plot lies on the canvas, in pixels.
pub(super) fn place(plot: &Plot, x: f64, y: f64) -> (f64, f64) {
    let (x, y) = plot.backend_coord(&(x, y));
    (f64::from(x) / f64::from(FINE), f64::from(y) / f64::from(FINE))
}

/// About how many labels fit along the x axis.
pub(super) fn labels_across(canvas_width: f64) -> usize {
    if canvas_width > 500.0 { 7 } else { 4 }
}
