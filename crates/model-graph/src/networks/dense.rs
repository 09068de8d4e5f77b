//! Densely connected networks: every layer reads what all before it in its block made.

use super::canvas::{After, Canvas, Feature};
use crate::{PoolKind, Window};

/// A DenseNet with so many layers a block, each adding `growth` channels.
pub(super) fn densenet(canvas: &mut Canvas<'_>, image: Feature, layers: [u64; 4], growth: u64) -> Feature {
    let x = canvas.conv("conv0", image, 2 * growth, (Window::square(7, 2, 3), 1), After::NORM_RELU);
    let mut x = canvas.pool("pool0", PoolKind::Max, x, Window::square(3, 2, 1));
    let last = layers.len() - 1;
    for (block, count) in layers.into_iter().enumerate() {
        let name = format!("denseblock{}", block + 1);
        let mut parts = vec![x];
        for layer in 1..=count {
            parts.push(dense_layer(canvas, &format!("{name}.{layer}"), &parts, growth));
        }
        x = canvas.concat(&format!("{name}.concat"), &parts);
        if block < last {
            let name = format!("transition{}", block + 1);
            let y = canvas.norm_relu(&format!("{name}.norm"), x);
            let window = (Window::square(1, 1, 0), 1);
            let y = canvas.conv(&format!("{name}.conv"), y, x.channels / 2, window, After::NOTHING);
            x = canvas.pool(&format!("{name}.pool"), PoolKind::Average, y, Window::square(2, 2, 0));
        }
    }
    let x = canvas.norm_relu("norm5", x);
    let x = canvas.global_pool("avgpool", x);
    canvas.linear("classifier", x, 1000, false)
}

fn dense_layer(canvas: &mut Canvas<'_>, name: &str, parts: &[Feature], growth: u64) -> Feature {
    let x = canvas.concat(&format!("{name}.concat"), parts);
    let x = canvas.norm_relu(&format!("{name}.norm1"), x);
    let one = (Window::square(1, 1, 0), 1);
    let x = canvas.conv(&format!("{name}.conv1"), x, 4 * growth, one, After::NORM_RELU);
    canvas.conv(&format!("{name}.conv2"), x, growth, (Window::square(3, 1, 1), 1), After::NOTHING)
}
