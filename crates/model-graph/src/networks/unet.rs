//! Down to few pixels and up again, with what was seen on the way.

use super::canvas::{After, Canvas, Feature};
use crate::{PoolKind, Window};

const WIDTHS: [u64; 4] = [64, 128, 256, 512];

/// Convolutions without padding: what comes out is smaller than what went in.
pub(super) fn unet(canvas: &mut Canvas<'_>, image: Feature) -> Feature {
    let mut x = image;
    let mut seen = Vec::new();
    for (level, width) in WIDTHS.into_iter().enumerate() {
        let y = twice(canvas, &format!("down{}", level + 1), x, width);
        seen.push(y);
        x = canvas.pool(&format!("pool{}", level + 1), PoolKind::Max, y, Window::square(2, 2, 0));
    }
    x = twice(canvas, "bottom", x, 1024);
    for (level, width) in WIDTHS.into_iter().enumerate().rev() {
        let name = format!("up{}", level + 1);
        let y = canvas.up(&format!("{name}.up"), x, width, Window::square(2, 2, 0));
        let skip = canvas.crop(seen[level], y.size);
        let joined = canvas.concat(&format!("{name}.concat"), &[skip, y]);
        x = twice(canvas, &name, joined, width);
    }
    canvas.conv("scores", x, 2, (Window::square(1, 1, 0), 1), After::BIAS)
}

fn twice(canvas: &mut Canvas<'_>, name: &str, x: Feature, width: u64) -> Feature {
    let window = (Window::square(3, 1, 0), 1);
    let x = canvas.conv(&format!("{name}.conv1"), x, width, window, After::BIAS_RELU);
    canvas.conv(&format!("{name}.conv2"), x, width, window, After::BIAS_RELU)
}
