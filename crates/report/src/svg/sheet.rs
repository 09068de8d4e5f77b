//! Where plotters draws: a backend that writes SVG whose colours can follow the page's theme, and whose marks say what
//! they are.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Write;
use std::rc::Rc;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use super::Ink;
use super::palette::{hex, named};
use crate::escape::escape;

/// Units of plotters' coordinates, which are whole numbers, in a pixel.
pub(super) const FINE: i32 = 10;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// What is drawn, and whoever groups it while it is drawn.
#[derive(Clone, Default)]
pub(super) struct Pen(Rc<RefCell<String>>);

impl Pen {
    /// What is drawn until [`Pen::end`] shares these attributes, such as `stroke-dasharray="4 3"`.
    pub fn group(&self, attributes: &str) {
        self.0.borrow_mut().push_str(&format!("<g {attributes}>"));
    }

    /// What is drawn until [`Pen::end`] is one mark, of which one can ask what it is.
    pub fn mark(&self, words: &str) {
        let words = escape(words);
        self.0.borrow_mut().push_str(&format!("<g class=\"mark\"><title>{words}</title>"));
    }

    /// The same for a row of numbers, so that a page can filter rows.
    pub fn row(&self, row: usize, words: &str) {
        let words = escape(words);
        self.0.borrow_mut().push_str(&format!("<g class=\"mark\" data-row=\"{row}\"><title>{words}</title>"));
    }

    /// Ends the last group or mark.
    pub fn end(&self) {
        self.0.borrow_mut().push_str("</g>\n");
    }

    /// What was drawn.
    pub fn text(&self) -> String {
        self.0.borrow().clone()
    }

    fn push(&self, element: &str) -> Drawn {
        self.0.borrow_mut().push_str(element);
        self.0.borrow_mut().push('\n');
        Ok(())
    }
}

/// The backend.
pub(super) struct Sheet {
    /// Pixels.
    pub size: (u32, u32),
    pub ink: Ink,
    pub pen: Pen,
}

impl DrawingBackend for Sheet {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.size.0 * FINE as u32, self.size.1 * FINE as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + FINE, y + FINE), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let ((x1, y1), (x2, y2)) = (pixels(from), pixels(to));
        let stroke = self.stroke(style);
        self.pen.push(&format!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{stroke}/>"))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let (x, y) = pixels((from.0.min(to.0), from.1.min(to.1)));
        let (width, height) = (tenths((to.0 - from.0).abs()), tenths((to.1 - from.1).abs()));
        let paint = if fill { self.fill(&style.color()) } else { self.outline(style) };
        self.pen.push(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{paint}/>"))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let points = points(path);
        let stroke = self.outline(style);
        self.pen.push(&format!("<polyline points=\"{points}\"{stroke}/>"))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (x, y) = pixels(center);
        let radius = tenths(radius as i32);
        let paint = if fill { self.fill(&style.color()) } else { self.outline(style) };
        self.pen.push(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{paint}/>"))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points = points(path);
        let paint = self.fill(&style.color());
        self.pen.push(&format!("<polygon points=\"{points}\"{paint}/>"))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let size = style.size();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        // Not every reader knows baselines, so text is moved by what its letters take.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.35,
            VPos::Bottom => -0.2,
        };
        let (x, y) = pixels((at.0, at.1 + (size * down).round() as i32));
        let turn = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        let weight = match style.style() {
            FontStyle::Bold => " font-weight=\"600\"",
            _ => "",
        };
        let (fill, size) = (self.fill(&style.color()), tenths(size.round() as i32));
        let text = escape(text);
        self.pen.push(&format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{weight}{turn}{fill}>{text}</text>"
        ))
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = text_width(text, style.size()).round() as u32;
        Ok((width, style.size().round() as u32))
    }
}

impl Sheet {
    fn paint(&self, rgb: (u8, u8, u8)) -> String {
        match (self.ink, named(rgb)) {
            (Ink::Theme, Some(colour)) => format!("var(--{})", colour.name),
            _ => hex(rgb),
        }
    }

    fn fill(&self, color: &BackendColor) -> String {
        let opacity = opacity("fill-opacity", color.alpha);
        format!(" fill=\"{}\"{opacity}", self.paint(color.rgb))
    }

    fn stroke<S: BackendStyle>(&self, style: &S) -> String {
        let color = style.color();
        let opacity = opacity("stroke-opacity", color.alpha);
        let width = tenths(style.stroke_width() as i32);
        format!(" stroke=\"{}\" stroke-width=\"{width}\"{opacity}", self.paint(color.rgb))
    }

    fn outline<S: BackendStyle>(&self, style: &S) -> String {
        format!(" fill=\"none\"{}", self.stroke(style))
    }
}

/// How wide a text is about, in the unit of its size: nobody knows the reader's font.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | '\'' | ':' | '|' | 'I' => 0.28,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '-' | '/' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.88,
        'A'..='Z' | '_' | '=' | '+' | '<' | '>' => 0.68,
        _ => 0.56,
    };
    // DejaVu Sans, the widest of those asked for, is about this much wider than Arial.
    text.chars().map(of).sum::<f64>() * size * 1.1
}

fn opacity(name: &str, alpha: f64) -> String {
    if alpha >= 1.0 { String::new() } else { format!(" {name}=\"{alpha:.2}\"") }
}

fn pixels((x, y): BackendCoord) -> (String, String) {
    (tenths(x), tenths(y))
}

/// A tenth of a pixel is as fine as anybody sees.
fn tenths(value: i32) -> String {
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    match value % 10 {
        0 => format!("{sign}{}", value / 10),
        rest => format!("{sign}{}.{rest}", value / 10),
    }
}

fn points(path: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut text = String::new();
    for point in path {
        let (x, y) = pixels(point);
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{x},{y}");
    }
    text
}
