//! Charts as SVG: static files for papers and the book, and pictures inside a page.
//!
//! The plotting library is plotters, without its default features: two small crates, pure Rust. It lays out axes and
//! draws through a backend of ours (`sheet.rs`), so that the same picture can have fixed colours in a file and
//! follow the theme of a page, and each mark can say what it is. Libraries that bring their own JavaScript were looked
//! at: plotly embeds 4.6 MB of it in every page, charming needs ECharts from the network, and neither draws without a
//! browser. A page built of these pictures is a few hundred kilobytes, and there before its script has run.

mod areas;
mod axes;
mod bars;
mod canvas;
mod columns;
mod labels;
mod legend;
mod lines;
pub(crate) mod palette;
mod parallel;
mod pipeline;
mod roofline;
mod scale;
mod scatter;
mod sheet;
mod timeline;

use std::convert::Infallible;

use plotters::drawing::DrawingAreaErrorKind;
use thiserror::Error;

use crate::chart::{Chart, Figure};
use crate::escape::escape;
use canvas::Canvas;

/// How colours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As they are on light ground: for files.
    Fixed,
    /// As variables of the page's style sheet: for pages, light and dark.
    Theme,
}

/// How wide a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 720 pixels: a column of text, a page of paper.
    Wide,
    /// 340 pixels: a telephone.
    Narrow,
}

impl Width {
    pub(crate) const fn pixels(self) -> u32 {
        match self {
            Self::Wide => 720,
            Self::Narrow => 340,
        }
    }
}

/// A picture that could not be drawn. No content of a chart causes it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the picture cannot be drawn: {0}")]
pub struct PictureError(String);

impl From<serde_json::Error> for PictureError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<DrawingAreaErrorKind<Infallible>> for PictureError {
    fn from(error: DrawingAreaErrorKind<Infallible>) -> Self {
        Self(error.to_string())
    }
}

/// The figure as an SVG document: the same bytes for the same figure. It refers to nothing outside itself.
///
/// # Errors
/// [`PictureError`], which no content of a figure causes.
pub fn svg_file(figure: &Figure) -> Result<String, PictureError> {
    let canvas = draw(&figure.chart, Width::Wide, Ink::Fixed, Some(&figure.title))?;
    let (width, height) = canvas.size();
    let (title, summary) = (escape(&figure.title), escape(&figure.summary));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif\">\n\
         <title>{title}</title>\n<desc>{summary}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n{}</svg>\n",
        canvas.text()
    ))
}

/// The chart as an `<svg>` element of a page, with the class `wide` or `narrow`.
pub(crate) fn svg_element(figure: &Figure, width: Width) -> Result<String, PictureError> {
    let canvas = draw(&figure.chart, width, Ink::Theme, None)?;
    let (across, down) = canvas.size();
    let class = if width == Width::Wide { "wide" } else { "narrow" };
    let label = escape(&format!("{}. {}", figure.title, figure.summary));
    Ok(format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {across} {down}\" width=\"{across}\" height=\"{down}\" role=\"img\" \
         aria-label=\"{label}\">\n{}</svg>\n",
        canvas.text()
    ))
}

fn draw(chart: &Chart, width: Width, ink: Ink, title: Option<&str>) -> Result<Canvas, PictureError> {
    let paper = canvas::Paper { width, ink, title };
    match chart {
        Chart::Roofline(chart) => roofline::draw(chart, paper),
        Chart::StackedBars(chart) if chart.upright => columns::draw(chart, paper),
        Chart::StackedBars(chart) => bars::draw(chart, paper),
        Chart::Lines(chart) => lines::draw(chart, paper),
        Chart::Scatter(chart) => scatter::draw(chart, paper),
        Chart::ParallelCoordinates(chart) => parallel::draw(chart, paper),
        Chart::Timeline(chart) => timeline::draw(chart, paper),
        Chart::Pipeline(chart) => pipeline::draw(chart, paper),
        Chart::MemoryAreas(chart) => areas::draw(chart, paper),
    }
}
