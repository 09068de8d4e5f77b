//! A drawing area in pixels.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontStyle, IntoFont, RGBAColor, ShapeStyle, TextStyle};

use super::palette::{Colour, FAINT, INK, PAPER, hex};
use super::sheet::{FINE, Pen, Sheet};
use super::{Ink, PictureError, Width};

/// What a chart is drawn on.
#[derive(Clone, Copy)]
pub(super) struct Paper<'a> {
    pub width: Width,
    pub ink: Ink,
    /// Written above the chart, where the picture stands alone.
    pub title: Option<&'a str>,
}

pub(super) type Area = DrawingArea<Sheet, Shift>;

/// The area and what was drawn on it.
pub(super) struct Canvas {
    pub area: Area,
    pub pen: Pen,
    ink: Ink,
    size: (u32, u32),
    /// Where the chart begins, below the title.
    pub top: f64,
}

/// Size of the text of charts.
pub(super) const TEXT: f64 = 12.0;

impl Canvas {
    /// A canvas whose chart is `height` pixels high; a title comes on top of that.
    pub fn new(paper: Paper, height: f64) -> Result<Self, PictureError> {
        let top = if paper.title.is_some() { 34.0 } else { 4.0 };
        let size = (paper.width.pixels(), (height + top).ceil() as u32);
        let pen = Pen::default();
        let area = Sheet { size, ink: paper.ink, pen: pen.clone() }.into_drawing_area();
        let canvas = Self { area, pen, ink: paper.ink, size, top };
        if let Some(title) = paper.title {
            canvas.bold(14.0, 23.0, title, 14.0)?;
        }
        Ok(canvas)
    }

    pub const fn size(&self) -> (u32, u32) {
        self.size
    }

    pub fn width(&self) -> f64 {
        f64::from(self.size.0)
    }

    /// The SVG elements drawn so far.
    pub fn text(&self) -> String {
        self.pen.text()
    }

    /// A filled box.
    pub fn fill(
        &self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        style: RGBAColor,
    ) -> Result<(), PictureError> {
        let rectangle =
            Rectangle::new([at(x, y), at(x + width, y + height)], ShapeStyle::from(style).filled());
        Ok(self.area.draw(&rectangle)?)
    }

    /// A filled shape with these corners.
    pub fn area_of(&self, corners: &[(f64, f64)], style: RGBAColor) -> Result<(), PictureError> {
        let corners: Vec<_> = corners.iter().map(|(x, y)| at(*x, *y)).collect();
        Ok(self.area.draw(&Polygon::new(corners, ShapeStyle::from(style).filled()))?)
    }

    /// A line through points.
    pub fn path(&self, points: &[(f64, f64)], colour: RGBAColor, width: f64) -> Result<(), PictureError> {
        let points: Vec<_> = points.iter().map(|(x, y)| at(*x, *y)).collect();
        Ok(self.area.draw(&PathElement::new(points, colour.stroke_width(fine(width) as u32)))?)
    }

    /// The marker of a series: circle, square, triangle, diamond, in turn, filled or hollow.
    pub fn marker(
        &self,
        (x, y): (f64, f64),
        shape: usize,
        radius: f64,
        colour: Colour,
        hollow: bool,
    ) -> Result<(), PictureError> {
        let style = if hollow {
            colour.rgb().stroke_width(fine(1.6) as u32)
        } else {
            ShapeStyle::from(colour.rgb()).filled()
        };
        let corners: Vec<(f64, f64)> = match shape % 4 {
            0 => {
                if hollow {
                    // So that lines below do not shine through.
                    let ground = super::palette::PAPER.rgb();
                    self.area.draw(&Circle::new(
                        at(x, y),
                        fine(radius),
                        ShapeStyle::from(ground).filled(),
                    ))?;
                }
                return Ok(self.area.draw(&Circle::new(at(x, y), fine(radius), style))?);
            }
            1 => {
                let half = radius * 0.9;
                vec![(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
            }
            2 => {
                let half = radius * 1.15;
                vec![(x, y - half), (x + half, y + half * 0.8), (x - half, y + half * 0.8)]
            }
            _ => {
                let half = radius * 1.25;
                vec![(x, y - half), (x + half, y), (x, y + half), (x - half, y)]
            }
        };
        let mut corners: Vec<_> = corners.into_iter().map(|(x, y)| at(x, y)).collect();
        if hollow {
            let ground = super::palette::PAPER.rgb();
            self.area.draw(&Polygon::new(corners.clone(), ShapeStyle::from(ground).filled()))?;
            corners.push(corners[0]);
            Ok(self.area.draw(&PathElement::new(corners, style))?)
        } else {
            Ok(self.area.draw(&Polygon::new(corners, style))?)
        }
    }

    /// Texts drawn until `pen.end()` have a rim of the ground's colour, so that lines behind them do not cross them out.
    pub fn rimmed(&self) {
        let ground = match self.ink {
            Ink::Fixed => hex(PAPER.light),
            Ink::Theme => format!("var(--{})", PAPER.name),
        };
        self.pen.group(&format!(
            "stroke=\"{ground}\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        ));
    }

    /// A text whose baseline begins at a point.
    pub fn write(&self, x: f64, y: f64, text: &str, colour: Colour) -> Result<(), PictureError> {
        self.words(x, y, text, style(plain(), colour, HPos::Left))
    }

    /// A text whose baseline has its middle at a point.
    pub fn centred(&self, x: f64, y: f64, text: &str, colour: Colour) -> Result<(), PictureError> {
        self.words(x, y, text, style(plain(), colour, HPos::Center))
    }

    /// A text whose baseline ends at a point.
    pub fn ending(&self, x: f64, y: f64, text: &str, colour: Colour) -> Result<(), PictureError> {
        self.words(x, y, text, style(plain(), colour, HPos::Right))
    }

    fn bold(&self, x: f64, y: f64, text: &str, size: f64) -> Result<(), PictureError> {
        let font = ("sans-serif", size * f64::from(FINE)).into_font().style(FontStyle::Bold);
        self.words(x, y, text, style(font, INK, HPos::Left))
    }

    fn words(&self, x: f64, y: f64, text: &str, style: TextStyle) -> Result<(), PictureError> {
        // The sheet puts the bottom of letters like g at the point; a baseline is a fifth of the size above it.
        let down = style.font.get_size() / f64::from(FINE) * 0.2;
        Ok(self.area.draw(&Text::new(text.to_owned(), at(x, y + down), style))?)
    }
}

/// The style of texts on axes.
pub(super) fn axis_text<'a>() -> TextStyle<'a> {
    TextStyle { font: plain(), color: FAINT.rgb().to_backend_color(), pos: Pos::default() }
}

fn plain<'a>() -> FontDesc<'a> {
    ("sans-serif", TEXT * f64::from(FINE)).into_font()
}

fn style(font: FontDesc, colour: Colour, side: HPos) -> TextStyle {
    TextStyle { font, color: colour.rgb().to_backend_color(), pos: Pos::new(side, VPos::Bottom) }
}

/// `text`, cut to what fits into `room` pixels; the cut is marked.
pub(super) fn fitted(text: &str, room: f64) -> String {
    if super::sheet::text_width(text, TEXT) <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        let longer = format!("{cut}{c}…");
        if super::sheet::text_width(&longer, TEXT) > room {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}

/// How wide a text of a chart is about, in pixels.
pub(super) fn width_of(text: &str) -> f64 {
    super::sheet::text_width(text, TEXT)
}

/// The colour of a part in its tint.
pub(super) fn tinted(colour: Colour, tint: u8) -> RGBAColor {
    colour.rgb().mix([1.0, 0.62, 0.38, 0.24][usize::from(tint.min(3))])
}

pub(super) fn fine(pixels: f64) -> i32 {
    (pixels * f64::from(FINE)).round() as i32
}

fn at(x: f64, y: f64) -> (i32, i32) {
    (fine(x), fine(y))
}
