//! What updates the parameters, and what it remembers of each.

use serde::{Deserialize, Serialize};

/// What updates the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Optimizer {
    /// The method.
    pub kind: OptimizerKind,
    /// Values it remembers of each parameter, where that is not what [`OptimizerKind::states`] says.
    pub states: Option<f64>,
}

/// A method of updating parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent, which remembers nothing.
    Sgd,
    /// Gradient descent with momentum.
    Momentum,
    /// Adam and its relatives: means of the gradient and of its square.
    #[default]
    Adam,
    /// Second-order methods such as AdaHessian: Adam's two means and an estimate of the curvature. The paper says of
    /// them that they need 3 to 4 times the memory; `optimizer_states` sets another number.
    SecondOrder,
}

impl OptimizerKind {
    /// Values remembered of each parameter.
    #[must_use]
    pub const fn states(self) -> f64 {
        match self {
            Self::Sgd => 0.0,
            Self::Momentum => 1.0,
            Self::Adam => 2.0,
            Self::SecondOrder => 3.0,
        }
    }

    /// `second-order`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Adam => "adam",
            Self::SecondOrder => "second-order",
        }
    }
}

impl Optimizer {
    /// Values remembered of each parameter.
    #[must_use]
    pub fn states(&self) -> f64 {
        self.states.unwrap_or_else(|| self.kind.states())
    }
}
