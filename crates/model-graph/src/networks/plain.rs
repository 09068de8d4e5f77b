//! Networks that are one row of layers.

use super::canvas::{After, Canvas, Feature};
use crate::{PoolKind, Window};

const CLASSES: u64 = 1000;

/// One column, as Krizhevsky 2014 has it.
pub(super) fn alexnet(canvas: &mut Canvas<'_>, image: Feature) -> Feature {
    let small = (Window::square(3, 1, 1), 1);
    let x = canvas.conv("features.0", image, 64, (Window::square(11, 4, 2), 1), After::BIAS_RELU);
    let x = shrink(canvas, "features.2", x);
    let x = canvas.conv("features.3", x, 192, (Window::square(5, 1, 2), 1), After::BIAS_RELU);
    let x = shrink(canvas, "features.5", x);
    let x = canvas.conv("features.6", x, 384, small, After::BIAS_RELU);
    let x = canvas.conv("features.8", x, 256, small, After::BIAS_RELU);
    let x = canvas.conv("features.10", x, 256, small, After::BIAS_RELU);
    let x = shrink(canvas, "features.12", x);
    classify(canvas, x, 6)
}

/// Two columns that meet in the third layer, with local response norms.
pub(super) fn alexnet_2012(canvas: &mut Canvas<'_>, image: Feature) -> Feature {
    let small = Window::square(3, 1, 1);
    let x = canvas.conv("conv1", image, 96, (Window::square(11, 4, 0), 1), After::BIAS_RELU);
    let x = canvas.local_response("norm1", x, 5);
    let x = shrink(canvas, "pool1", x);
    let x = canvas.conv("conv2", x, 256, (Window::square(5, 1, 2), 2), After::BIAS_RELU);
    let x = canvas.local_response("norm2", x, 5);
    let x = shrink(canvas, "pool2", x);
    let x = canvas.conv("conv3", x, 384, (small, 1), After::BIAS_RELU);
    let x = canvas.conv("conv4", x, 384, (small, 2), After::BIAS_RELU);
    let x = canvas.conv("conv5", x, 256, (small, 2), After::BIAS_RELU);
    let x = shrink(canvas, "pool5", x);
    classify(canvas, x, 6)
}

pub(super) fn vgg19(canvas: &mut Canvas<'_>, image: Feature) -> Feature {
    let mut x = image;
    let blocks = [(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)];
    for (block, (layers, channels)) in (1..).zip(blocks) {
        for layer in 1..=layers {
            let name = format!("conv{block}_{layer}");
            x = canvas.conv(&name, x, channels, (Window::square(3, 1, 1), 1), After::BIAS_RELU);
        }
        x = canvas.pool(&format!("pool{block}"), PoolKind::Max, x, Window::square(2, 2, 0));
    }
    classify(canvas, x, 7)
}

fn shrink(canvas: &mut Canvas<'_>, name: &str, x: Feature) -> Feature {
    canvas.pool(name, PoolKind::Max, x, Window::square(3, 2, 0))
}

/// Three layers that connect everything; images of another size than usual are first brought to `side`.
fn classify(canvas: &mut Canvas<'_>, x: Feature, side: u64) -> Feature {
    let x = canvas.fit("avgpool", x, side);
    let x = canvas.linear("classifier.1", x, 4096, true);
    let x = canvas.linear("classifier.4", x, 4096, true);
    canvas.linear("classifier.6", x, CLASSES, false)
}
