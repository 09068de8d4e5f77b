//! Networks of convolutions that do not mix channels, between ones that do nothing else.

use super::canvas::{After, Canvas, Feature};
use crate::Window;

/// Expansion, channels, blocks and first stride of each stage.
const STAGES: [(u64, u64, u64, u64); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

pub(super) fn mobilenet_v2(canvas: &mut Canvas<'_>, image: Feature) -> Feature {
    let mut x = canvas.conv("features.0", image, 32, (Window::square(3, 2, 1), 1), After::NORM_RELU);
    let mut number = 1;
    for (expansion, out, blocks, first_stride) in STAGES {
        for block in 0..blocks {
            let stride = if block == 0 { first_stride } else { 1 };
            x = inverted(canvas, &format!("features.{number}"), x, expansion, (out, stride));
            number += 1;
        }
    }
    let one = (Window::square(1, 1, 0), 1);
    let x = canvas.conv(&format!("features.{number}"), x, 1280, one, After::NORM_RELU);
    let x = canvas.global_pool("avgpool", x);
    canvas.linear("classifier.1", x, 1000, false)
}

/// Wider inside than outside.
fn inverted(
    canvas: &mut Canvas<'_>,
    name: &str,
    x: Feature,
    expansion: u64,
    (out, stride): (u64, u64),
) -> Feature {
    let one = (Window::square(1, 1, 0), 1);
    let inner = x.channels * expansion;
    let y = match expansion {
        1 => x,
        _ => canvas.conv(&format!("{name}.expand"), x, inner, one, After::NORM_RELU),
    };
    let window = (Window::square(3, stride, 1), inner);
    let y = canvas.conv(&format!("{name}.depthwise"), y, inner, window, After::NORM_RELU);
    let add = Some(x).filter(|x| stride == 1 && x.channels == out);
    canvas.conv(&format!("{name}.project"), y, out, one, After { add, ..After::NORM })
}
