//! Residual networks of bottlenecks.

use super::canvas::{After, Canvas, Feature};
use crate::{PoolKind, Window};

/// A ResNet or ResNeXt with so many blocks a stage, whose bottlenecks have `groups` groups of `width` channels in the first
/// stage and twice as many in each that follows.
pub(super) fn resnet(
    canvas: &mut Canvas<'_>,
    image: Feature,
    blocks: [u64; 4],
    (groups, width): (u64, u64),
) -> Feature {
    let x = canvas.conv("conv1", image, 64, (Window::square(7, 2, 3), 1), After::NORM_RELU);
    let mut x = canvas.pool("maxpool", PoolKind::Max, x, Window::square(3, 2, 1));
    for (stage, count) in blocks.into_iter().enumerate() {
        let inner = (groups * width) << stage;
        let out = 256 << stage;
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("layer{}.{block}", stage + 1);
            x = bottleneck(canvas, &name, x, (inner, out), (groups, stride));
        }
    }
    let x = canvas.global_pool("avgpool", x);
    canvas.linear("fc", x, 1000, false)
}

fn bottleneck(
    canvas: &mut Canvas<'_>,
    name: &str,
    x: Feature,
    (inner, out): (u64, u64),
    (groups, stride): (u64, u64),
) -> Feature {
    let one = (Window::square(1, 1, 0), 1);
    let y = canvas.conv(&format!("{name}.conv1"), x, inner, one, After::NORM_RELU);
    let window = (Window::square(3, stride, 1), groups);
    let y = canvas.conv(&format!("{name}.conv2"), y, inner, window, After::NORM_RELU);
    let shortcut = if x.channels == out && stride == 1 {
        x
    } else {
        let window = (Window::square(1, stride, 0), 1);
        canvas.conv(&format!("{name}.downsample"), x, out, window, After::NORM)
    };
    let after = After { add: Some(shortcut), ..After::NORM_RELU };
    canvas.conv(&format!("{name}.conv3"), y, out, one, after)
}
