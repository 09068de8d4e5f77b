//! The case at one point of a sweep.

use super::{Axis, AxisValue};
use crate::case::Case;
use crate::cases::nested;
use crate::diagnostic::Diagnostics;
use crate::first_step::FirstSteps;
use crate::loader::Loader;
use crate::node::Node;
use crate::overlay::overlay;
use crate::resolve::Resolver;
use crate::{Scenario, build_case};

/// Reads the points of a sweep, one after the other. It goes the same way as a scenario does that was written with
/// the point's values, but what was looked up for one point is kept for the next.
pub struct Points<'a> {
    scenario: &'a Scenario,
    axes: &'a [Axis],
    loader: &'a dyn Loader,
    resolver: Resolver<'a>,
    base: Node,
}

// Texts that may come up after those of the scenario itself before everything kept is dropped.
const MOST_NEW_TEXTS: usize = 256;

impl<'a> Points<'a> {
    /// Reads points of `scenario`, which has one case.
    #[must_use]
    pub fn new(scenario: &'a Scenario, axes: &'a [Axis], loader: &'a dyn Loader) -> Self {
        Self { scenario, axes, loader, resolver: fresh(scenario, loader), base: scenario.first_tree() }
    }

    /// The case with these values, one of each axis.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn case(&mut self, values: &[AxisValue]) -> Result<Case, Diagnostics> {
        let values = self.axes.iter().zip(values).map(|(axis, value)| (axis, value.node.clone()));
        let tree =
            values.fold(self.base.clone(), |tree, (axis, value)| overlay(tree, nested(&axis.keys, value)));
        self.read(&tree)
    }

    /// Whether every axis leads somewhere; each is tried by itself.
    ///
    /// # Errors
    /// Paths that no scenario has.
    pub fn check_paths(&mut self) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        for axis in self.axes {
            let tree = overlay(self.base.clone(), nested(&axis.keys, axis.nth(0, 1).node));
            let Err(found) = self.read(&tree) else { continue };
            // A wrong value is told in its row, as the values after it may be right.
            for problem in found.list.into_iter().filter(|problem| problem.message.starts_with("unknown key"))
            {
                problems.push(problem);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn read(&mut self, tree: &Node) -> Result<Case, Diagnostics> {
        if self.resolver.is_full(self.scenario.sources().len() + MOST_NEW_TEXTS) {
            self.resolver = fresh(self.scenario, self.loader);
        }
        let mut problems = Diagnostics::default();
        let name = self.scenario.cases.first().map_or("", |case| case.name.as_str());
        let case = build_case::build(&mut self.resolver, tree, name, &mut problems);
        match case.filter(|_| !problems.has_errors()) {
            Some(case) => Ok(case),
            None => {
                // What is wrong is told once by a resolver; here every point must say it.
                self.resolver.forget_failures();
                Err(problems)
            }
        }
    }
}

fn fresh<'a>(scenario: &Scenario, loader: &'a dyn Loader) -> Resolver<'a> {
    let mut resolver = Resolver::new(scenario.sources().clone(), loader);
    resolver.first_steps = Some(FirstSteps::default());
    resolver
}
