//! What works on images: convolution, pooling, norms of channels.

use super::{MatMul, product};

/// A window that slides over an image. Each field is `[along the height, along the width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Pixels it covers, at least 1.
    pub kernel: [u64; 2],
    /// Pixels from one position to the next, at least 1.
    pub stride: [u64; 2],
    /// Pixels of zeros around the image, on each side.
    pub padding: [u64; 2],
    /// Pixels from one that it covers to the next, at least 1.
    pub dilation: [u64; 2],
}

/// What a convolution computes: itself, or one of its gradients, which are convolutions too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConvolutionForm {
    /// An output pixel sums up what its window covers.
    Forward,
    /// An input pixel is spread over a window of the output: transposed convolution, and the gradient of an input.
    Transposed,
    /// The gradient of the weights: a sum over all positions. Its operands are the input and the output's gradient.
    WeightGradient,
}

/// A convolution of `batch` images. Its operands are the input, the weights, and what is added to the result (a bias, a
/// residual).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// What is computed.
    pub form: ConvolutionForm,
    /// Images.
    pub batch: u64,
    /// Channels read.
    pub in_channels: u64,
    /// Channels written.
    pub out_channels: u64,
    /// Groups of channels that do not mix; divides both.
    pub groups: u64,
    /// Height and width read.
    pub input: [u64; 2],
    /// Height and width written; of a gradient of weights, of the output it belongs to.
    pub output: [u64; 2],
    /// The window. It slides over the larger of the two images.
    pub window: Window,
}

/// What becomes of the pixels under a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest.
    Max,
    /// Their mean.
    Average,
}

/// Pooling of every channel of `batch` images by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    /// What becomes of the pixels under the window.
    pub kind: PoolKind,
    /// Images.
    pub batch: u64,
    /// Channels.
    pub channels: u64,
    /// Height and width read.
    pub input: [u64; 2],
    /// Height and width written.
    pub output: [u64; 2],
    /// The window.
    pub window: Window,
}

/// A part of the work of a norm over images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelNormKind {
    /// Mean and variance of each channel over all images and pixels (batch norm in training).
    Statistics,
    /// Scaling and shifting each channel by what is known of it (batch norm).
    Batch,
    /// Division by a power of the sum of squares over that many neighbouring channels (AlexNet's local response norm).
    LocalResponse(u64),
}

/// A norm over the channels of images. Inputs: the images, and what is known of each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelNorm {
    /// The part of the work.
    pub kind: ChannelNormKind,
    /// Images x pixels.
    pub rows: u64,
    /// Channels.
    pub channels: u64,
}

impl Window {
    /// A square window, its pixels side by side.
    #[must_use]
    pub const fn square(kernel: u64, stride: u64, padding: u64) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], dilation: [1; 2] }
    }

    /// Positions along the height and the width of an image; 0 where it is smaller than the window.
    #[must_use]
    pub fn positions(&self, image: [u64; 2]) -> [u64; 2] {
        [0, 1].map(|axis| {
            let room = image[axis].saturating_add(self.padding[axis].saturating_mul(2));
            let span =
                self.dilation[axis].saturating_mul(self.kernel[axis].saturating_sub(1)).saturating_add(1);
            room.checked_sub(span).map_or(0, |free| free / self.stride[axis].max(1) + 1)
        })
    }

    /// Pixels that it covers.
    #[must_use]
    pub const fn area(&self) -> u64 {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    /// Different pixels of an image that it covers at any of `positions`, zeros around it included where there is room:
    /// at most the image.
    #[must_use]
    pub fn touched(&self, image: [u64; 2], positions: [u64; 2]) -> u64 {
        let along = |axis: usize| {
            let covered = positions[axis].saturating_mul(self.kernel[axis]);
            let span =
                self.dilation[axis].saturating_mul(self.kernel[axis].saturating_sub(1)).saturating_add(1);
            let reach =
                positions[axis].saturating_sub(1).saturating_mul(self.stride[axis]).saturating_add(span);
            covered.min(reach).min(image[axis])
        };
        along(0).saturating_mul(along(1))
    }
}

impl Convolution {
    /// A convolution of images of this height and width.
    #[must_use]
    pub fn new(batch: u64, channels: (u64, u64), groups: u64, input: [u64; 2], window: Window) -> Self {
        let output = window.positions(input);
        let (in_channels, out_channels) = channels;
        let form = ConvolutionForm::Forward;
        Self { form, batch, in_channels, out_channels, groups, input, output, window }
    }

    /// The transposed convolution of images of this height and width, without padding.
    #[must_use]
    pub fn transposed(batch: u64, channels: (u64, u64), input: [u64; 2], window: Window) -> Self {
        let along = |axis: usize| {
            (input[axis].saturating_sub(1))
                .saturating_mul(window.stride[axis])
                .saturating_add(window.kernel[axis])
        };
        let (in_channels, out_channels) = channels;
        let form = ConvolutionForm::Transposed;
        Self {
            form,
            batch,
            in_channels,
            out_channels,
            groups: 1,
            input,
            output: [along(0), along(1)],
            window,
        }
    }

    /// The product that it is, one of each group: m = images x positions, n = channels written, k = channels read x the
    /// window's pixels. A transposed one multiplies first and adds up where windows overlap.
    #[must_use]
    pub fn product(&self) -> MatMul {
        let groups = self.groups.max(1);
        let (read, written) = (self.in_channels / groups, self.out_channels / groups);
        let positions = self.batch.saturating_mul(self.positions());
        let area = self.window.area();
        let (m, n, k) = match self.form {
            ConvolutionForm::Forward => (positions, written, read.saturating_mul(area)),
            ConvolutionForm::Transposed => (positions, written.saturating_mul(area), read),
            ConvolutionForm::WeightGradient => (read.saturating_mul(area), written, positions),
        };
        MatMul { batch: groups, m, n, k, b_shared_by: 1 }
    }

    /// Operations, a multiply-accumulate being two, zeros around the image included.
    #[must_use]
    pub fn flops(&self) -> u128 {
        self.product().flops()
    }

    /// Positions of the window in one image.
    fn positions(&self) -> u64 {
        let [height, width] = if self.form == ConvolutionForm::Transposed { self.input } else { self.output };
        height.saturating_mul(width)
    }

    /// Different elements of the input that are read.
    #[must_use]
    pub fn input_elements(&self) -> u64 {
        let pixels = match self.form {
            ConvolutionForm::Transposed => self.input[0].saturating_mul(self.input[1]),
            _ => self.window.touched(self.input, self.output),
        };
        self.batch.saturating_mul(self.in_channels).saturating_mul(pixels)
    }

    /// Weights.
    #[must_use]
    pub fn weight_elements(&self) -> u64 {
        let read = self.in_channels / self.groups.max(1);
        self.out_channels.saturating_mul(read).saturating_mul(self.window.area())
    }

    /// Elements of the images written.
    #[must_use]
    pub fn output_elements(&self) -> u64 {
        let pixels = self.output[0].saturating_mul(self.output[1]);
        self.batch.saturating_mul(self.out_channels).saturating_mul(pixels)
    }

    /// Whether no channels mix: too little for a matrix engine to do.
    #[must_use]
    pub const fn is_depthwise(&self) -> bool {
        self.groups > 1 && (self.in_channels == self.groups || self.out_channels == self.groups)
    }

    /// The convolution that gives the gradient of the input from that of the output.
    #[must_use]
    pub const fn input_gradient(&self) -> Self {
        let form = match self.form {
            ConvolutionForm::Transposed => ConvolutionForm::Forward,
            _ => ConvolutionForm::Transposed,
        };
        Self {
            form,
            in_channels: self.out_channels,
            out_channels: self.in_channels,
            input: self.output,
            output: self.input,
            ..*self
        }
    }

    /// The convolution that gives the gradient of the weights.
    #[must_use]
    pub const fn weight_gradient(&self) -> Self {
        let large = match self.form {
            // Of a transposed one, the window slides over the output.
            ConvolutionForm::Transposed => self.input_gradient(),
            _ => *self,
        };
        Self { form: ConvolutionForm::WeightGradient, ..large }
    }
}

impl Pool {
    /// Pooling of images of this height and width.
    #[must_use]
    pub fn new(kind: PoolKind, batch: u64, channels: u64, input: [u64; 2], window: Window) -> Self {
        Self { kind, batch, channels, input, output: window.positions(input), window }
    }

    /// Operations: a comparison or an addition for each pixel under a window.
    #[must_use]
    pub fn flops(&self) -> u128 {
        product(&[self.output_elements(), self.window.area()])
    }

    /// Different elements of the input that are read.
    #[must_use]
    pub fn input_elements(&self) -> u64 {
        let pixels = self.window.touched(self.input, self.output);
        self.batch.saturating_mul(self.channels).saturating_mul(pixels)
    }

    /// Elements written.
    #[must_use]
    pub fn output_elements(&self) -> u64 {
        let pixels = self.output[0].saturating_mul(self.output[1]);
        self.batch.saturating_mul(self.channels).saturating_mul(pixels)
    }
}

impl ChannelNorm {
    /// Elements of the images.
    #[must_use]
    pub const fn elements(&self) -> u64 {
        self.rows.saturating_mul(self.channels)
    }

    /// Operations: two sums and a square; a product and a sum; a square, the sum over neighbours, a power, a product.
    #[must_use]
    pub fn flops(&self) -> u128 {
        product(&[self.elements(), self.kind.flops_per_element()])
    }

    /// `batch_norm`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.kind {
            ChannelNormKind::Statistics => "batch_statistics",
            ChannelNormKind::Batch => "batch_norm",
            ChannelNormKind::LocalResponse(_) => "local_response_norm",
        }
    }
}

impl ChannelNormKind {
    /// Operations on one element.
    #[must_use]
    pub const fn flops_per_element(self) -> u64 {
        match self {
            Self::Statistics => 3,
            Self::Batch => 2,
            Self::LocalResponse(neighbours) => neighbours.saturating_add(7),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ResNet's first: 224 x 224 to 112 x 112, 118 million multiply-adds.
    #[test]
    fn a_convolution_is_its_product() {
        let first = Convolution::new(1, (3, 64), 1, [224; 2], Window::square(7, 2, 3));
        assert_eq!(first.output, [112; 2]);
        assert_eq!(first.flops(), 2 * 112 * 112 * 64 * 3 * 49);
        assert_eq!(first.input_elements(), 3 * 224 * 224);
        assert_eq!(first.weight_elements(), 9408);
    }

    #[test]
    fn a_gradient_takes_as_many_operations_as_the_convolution() {
        let window = Window { dilation: [2, 1], ..Window::square(3, 2, 1) };
        for groups in [1, 2, 4] {
            let forward = Convolution::new(3, (8, 12), groups, [21, 30], window);
            let back = forward.input_gradient();
            assert_eq!((back.input, back.output), (forward.output, forward.input));
            assert_eq!(back.flops(), forward.flops());
            assert_eq!(forward.weight_gradient().flops(), forward.flops());
            assert_eq!(back.input_gradient(), forward);
            assert_eq!(back.weight_gradient(), forward.weight_gradient());
        }
    }

    #[test]
    fn windows_that_leave_pixels_out_do_not_read_them() {
        let strided = Convolution::new(1, (1, 1), 1, [56; 2], Window::square(1, 2, 0));
        assert_eq!(strided.input_elements(), 28 * 28);
        let odd = Convolution::new(1, (1, 1), 1, [6; 2], Window::square(3, 2, 0));
        assert_eq!((odd.output, odd.input_elements()), ([2; 2], 25));
        assert_eq!(Window::square(7, 1, 0).positions([6, 9]), [0, 3]);
    }
}
