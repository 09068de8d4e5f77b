//! The first step's graphs and the memory they need, kept for the cases that follow.

use std::sync::Arc;

use memwall_model_graph::{Architecture, BuildOptions, Graph, Parallel, Workload};

use crate::case::Footprint;

/// What cases with the same model, work and division share.
#[derive(Debug, Clone)]
pub(crate) struct FirstStep {
    pub footprint: Footprint,
    /// Of one rank of each pipeline stage.
    pub graphs: Vec<Arc<Graph>>,
}

/// The last few of them. A sweep over the machine asks for the same again and again.
#[derive(Debug, Default)]
pub(crate) struct FirstSteps {
    kept: Vec<(Arc<Architecture>, What, FirstStep)>,
    /// Where the next goes.
    next: usize,
}

/// Everything that decides it beside the architecture.
pub(crate) type What = (Workload, BuildOptions, Parallel);

const MOST: usize = 64;

impl FirstSteps {
    pub fn find(&self, architecture: &Arc<Architecture>, what: &What) -> Option<&FirstStep> {
        let same = |(of, known, _): &&(Arc<Architecture>, What, FirstStep)| {
            Arc::ptr_eq(of, architecture) && known == what
        };
        self.kept.iter().find(same).map(|(_, _, step)| step)
    }

    pub fn keep(&mut self, architecture: &Arc<Architecture>, what: What, step: FirstStep) {
        let entry = (Arc::clone(architecture), what, step);
        match self.kept.get_mut(self.next) {
            Some(old) => *old = entry,
            None => self.kept.push(entry),
        }
        self.next = (self.next + 1) % MOST;
    }
}
