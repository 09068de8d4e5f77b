//! Names beside dots, where they do not lie on each other.

use super::PictureError;
use super::canvas::{Canvas, TEXT, width_of};
use super::palette::Colour;

/// What is taken already.
#[derive(Default)]
pub(super) struct Labels {
    taken: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Labels {
    /// Keeps labels away from a dot.
    pub fn avoid(&mut self, (x, y): (f64, f64), radius: f64) {
        self.taken.push(Place { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius });
    }

    /// Writes `text` beside a dot, on the first side with room inside of `bounds` (left, top, right, bottom); not at all
    /// where there is none.
    pub fn write(
        &mut self,
        canvas: &Canvas,
        (x, y): (f64, f64),
        radius: f64,
        text: &str,
        colour: Colour,
        bounds: (f64, f64, f64, f64),
    ) -> Result<(), PictureError> {
        let width = width_of(text);
        let (near, below) = (radius + 5.0, radius + TEXT + 2.0);
        let sides = [
            (x + near, y + 4.0),
            (x - near - width, y + 4.0),
            (x - width / 2.0, y + below),
            (x - width / 2.0, y - radius - 5.0),
            (x + near, y + below),
            (x + near, y - radius - 3.0),
            (x - near - width, y + below),
            (x - near - width, y - radius - 3.0),
        ];
        for (left, baseline) in sides {
            let own = Place { left, right: left + width, top: baseline - TEXT, bottom: baseline + 3.0 };
            let inside = own.left >= bounds.0
                && own.top >= bounds.1
                && own.right <= bounds.2
                && own.bottom <= bounds.3;
            let meets = |other: &Place| {
                own.left < other.right
                    && other.left < own.right
                    && own.top < other.bottom
                    && other.top < own.bottom
            };
            if inside && !self.taken.iter().any(meets) {
                self.taken.push(own);
                return canvas.write(left, baseline, text, colour);
            }
        }
        Ok(())
    }
}
