//! Which colour, shape and dash is what.

use super::PictureError;
use super::canvas::{Canvas, TEXT, fitted, tinted, width_of};
use super::palette::{Colour, INK};

/// One entry.
pub(super) struct Entry {
    pub name: String,
    pub colour: Colour,
    pub sample: Sample,
}

/// What is shown beside the name.
#[derive(Clone, Copy)]
pub(super) enum Sample {
    /// A box in a tint.
    Box(u8),
    /// A line with the dashes and the marker of a series.
    Line { series: usize, marker: bool },
    /// A hollow marker.
    Hollow(usize),
    /// A filled marker.
    Marker(usize),
}

const ROW: f64 = 19.0;
const SAMPLE: f64 = 30.0;
const BOX: f64 = 17.0;
const LEFT: f64 = 14.0;

/// Dashes of a line, so that series differ without colour; empty for a solid one.
pub(super) fn dashes(series: usize) -> &'static str {
    ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2"][series % 7]
}

/// How high a legend is in pixels: entries flow over rows.
pub(super) fn height(entries: &[Entry], width: f64) -> f64 {
    places(entries, width).last().map_or(0.0, |(_, y)| y + ROW + 4.0)
}

/// Draws it with its top at `top`.
pub(super) fn draw(canvas: &Canvas, entries: &[Entry], top: f64) -> Result<(), PictureError> {
    for (entry, (x, y)) in entries.iter().zip(places(entries, canvas.width())) {
        let (middle, baseline) = (top + y + 9.0, top + y + 13.0);
        match entry.sample {
            Sample::Box(tint) => canvas.fill((x, middle - 6.0), (12.0, 12.0), tinted(entry.colour, tint))?,
            Sample::Line { series, marker } => {
                line(canvas, (x, middle), series, entry.colour)?;
                if marker {
                    canvas.marker((x + 12.0, middle), series, 3.6, entry.colour, false)?;
                }
            }
            Sample::Hollow(series) => canvas.marker((x + 12.0, middle), series, 4.0, entry.colour, true)?,
            Sample::Marker(series) => canvas.marker((x + 6.0, middle), series, 4.2, entry.colour, false)?,
        }
        let room = canvas.width() - x - sample(entry) - 8.0;
        canvas.write(x + sample(entry), baseline, &fitted(&entry.name, room), INK)?;
    }
    Ok(())
}

fn line(canvas: &Canvas, (x, y): (f64, f64), series: usize, colour: Colour) -> Result<(), PictureError> {
    canvas.pen.group(&format!("stroke-dasharray=\"{}\"", dash_value(series)));
    canvas.path(&[(x, y), (x + 24.0, y)], tinted(colour, 0), 2.0)?;
    canvas.pen.end();
    Ok(())
}

/// The dashes as the value of an attribute.
pub(super) fn dash_value(series: usize) -> &'static str {
    if dashes(series).is_empty() { "none" } else { dashes(series) }
}

fn sample(entry: &Entry) -> f64 {
    if matches!(entry.sample, Sample::Box(_) | Sample::Marker(_)) { BOX } else { SAMPLE }
}

/// Where each entry begins.
fn places(entries: &[Entry], width: f64) -> Vec<(f64, f64)> {
    let (mut x, mut y) = (LEFT, 0.0);
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let own = sample(entry) + width_of(&entry.name) + TEXT * 1.5;
        if x > LEFT && x + own > width {
            (x, y) = (LEFT, y + ROW);
        }
        places.push((x, y));
        x += own;
    }
    places
}
