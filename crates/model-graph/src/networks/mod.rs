//! Published convolutional networks by name, and their graphs.
//!
//! Names within a network are those of torchvision where it has the network. Weights and batches are as there: AlexNet is
//! that of Krizhevsky 2014 unless the name says otherwise, a bottleneck strides in its 3 x 3 convolution.

mod canvas;
mod dense;
mod mobile;
mod plain;
mod residual;
mod unet;

use crate::limits::{MAX_BATCH, MAX_IMAGE};
use crate::{BuildOptions, Graph, GraphError, Precision, TensorRole};
use canvas::{Canvas, Feature};

/// A published network.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// The name scenarios use: `resnet-50`.
    pub name: &'static str,
    /// Other names that find it.
    pub aliases: &'static [&'static str],
    /// The name people use: `ResNet-50`.
    pub title: &'static str,
    /// Where its shape was published.
    pub source: &'static str,
    /// Its parameters as published.
    pub published_parameters: u64,
    /// Height and width of the images it was published with, in pixels.
    pub image: u64,
    /// Channels of an image: 3, or 1 without colours.
    channels: u64,
    /// From the image to the scores of each class.
    plan: fn(&mut Canvas<'_>, Feature) -> Feature,
}

/// Every network, by family and size.
pub const NETWORKS: &[Network] = &[
    Network {
        name: "alexnet",
        aliases: &[],
        title: "AlexNet",
        source: "Krizhevsky 2014, arXiv:1404.5997 (one column, no local response norm); parameters of torchvision's",
        published_parameters: 61_100_840,
        image: 224,
        channels: 3,
        plan: plain::alexnet,
    },
    Network {
        name: "alexnet-2012",
        aliases: &["caffenet"],
        title: "AlexNet of 2012",
        source: "Krizhevsky et al. 2012 (NeurIPS), section 3.5; parameters of Caffe's bvlc_alexnet",
        published_parameters: 60_965_224,
        image: 227,
        channels: 3,
        plan: plain::alexnet_2012,
    },
    Network {
        name: "vgg19",
        aliases: &["vgg-19"],
        title: "VGG19",
        source: "Simonyan and Zisserman 2014, arXiv:1409.1556, Table 1 E; parameters of torchvision's",
        published_parameters: 143_667_240,
        image: 224,
        channels: 3,
        plan: plain::vgg19,
    },
    Network {
        name: "resnet-50",
        aliases: &["resnet50"],
        title: "ResNet-50",
        source: "He et al. 2015, arXiv:1512.03385, Table 1; parameters of torchvision's",
        published_parameters: 25_557_032,
        image: 224,
        channels: 3,
        plan: |canvas, image| residual::resnet(canvas, image, [3, 4, 6, 3], (1, 64)),
    },
    Network {
        name: "resnet-152",
        aliases: &["resnet152"],
        title: "ResNet-152",
        source: "He et al. 2015, arXiv:1512.03385, Table 1; parameters of torchvision's",
        published_parameters: 60_192_808,
        image: 224,
        channels: 3,
        plan: |canvas, image| residual::resnet(canvas, image, [3, 8, 36, 3], (1, 64)),
    },
    Network {
        name: "resnext-101-64x4d",
        aliases: &["resnext101_64x4d", "resnext101-64x4d", "resnext-101"],
        title: "ResNeXt-101 (64 x 4d)",
        source: "Xie et al. 2016, arXiv:1611.05431, section 5.1; parameters of torchvision's",
        published_parameters: 83_455_272,
        image: 224,
        channels: 3,
        plan: |canvas, image| residual::resnet(canvas, image, [3, 4, 23, 3], (64, 4)),
    },
    Network {
        name: "densenet-201",
        aliases: &["densenet201"],
        title: "DenseNet-201",
        source: "Huang et al. 2016, arXiv:1608.06993, Table 1; parameters of torchvision's",
        published_parameters: 20_013_928,
        image: 224,
        channels: 3,
        plan: |canvas, image| dense::densenet(canvas, image, [6, 12, 48, 32], 32),
    },
    Network {
        name: "mobilenet-v2",
        aliases: &["mobilenet_v2"],
        title: "MobileNetV2",
        source: "Sandler et al. 2018, arXiv:1801.04381, Table 2; parameters of torchvision's",
        published_parameters: 3_504_872,
        image: 224,
        channels: 3,
        plan: mobile::mobilenet_v2,
    },
    Network {
        name: "unet",
        aliases: &["u-net"],
        title: "U-Net",
        source: "Ronneberger et al. 2015, arXiv:1505.04597, Fig. 1; parameters counted from it",
        published_parameters: 31_030_658,
        image: 572,
        channels: 1,
        plan: unet::unet,
    },
];

/// The network of that name or alias, upper and lower case alike.
#[must_use]
pub fn find(name: &str) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| {
        let mut names = std::iter::once(&network.name).chain(network.aliases);
        names.any(|known| known.eq_ignore_ascii_case(name))
    })
}

/// What a network is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NetworkStep {
    /// Images.
    pub batch: u64,
    /// Height and width of each, in pixels.
    pub image: u64,
    /// Whether it is the forward pass of a training iteration: batch norms take their statistics, and there is a loss.
    pub trains: bool,
}

impl Network {
    /// The graph of one step. Where `options` fuse pointwise functions, batch norms are folded into the convolutions and
    /// what follows is part of them; not in training.
    ///
    /// # Errors
    /// An image that is too small, a batch or image beyond its limit.
    pub fn build(&self, step: &NetworkStep, options: &BuildOptions) -> Result<Graph, GraphError> {
        let unsupported = |message: String| Err(GraphError::Unsupported(message));
        if step.batch == 0 || step.batch > MAX_BATCH {
            return unsupported(format!("a batch has 1 to {MAX_BATCH} images"));
        }
        if step.image == 0 || step.image > MAX_IMAGE {
            return unsupported(format!("an image has 1 to {MAX_IMAGE} pixels a side"));
        }
        let mut canvas = Canvas::new(step, options);
        let image = canvas.image(self.channels, step.image);
        let scores = (self.plan)(&mut canvas, image);
        if canvas.is_too_small {
            let image = step.image;
            return unsupported(format!(
                "images of {image} x {image} pixels are too small for {}",
                self.title
            ));
        }
        if step.trains {
            canvas.loss(scores);
        }
        canvas.finish()
    }

    /// Parameters, counted from its graph.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let step = NetworkStep { batch: 1, image: self.image, trains: true };
        let options = BuildOptions::unfused_with_ends(Precision::uniform(crate::Dtype::Fp32));
        let graph = self.build(&step, &options).unwrap_or_default();
        let weights = graph.tensors().iter().filter(|tensor| tensor.role == TensorRole::Weight);
        weights.fold(0, |sum, tensor| sum.saturating_add(tensor.elements()))
    }
}
