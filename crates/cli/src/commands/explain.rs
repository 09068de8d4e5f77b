//! `memwall explain`.

use memwall_model_graph::{Graph, OpId};
use memwall_report::explanation_text;
use memwall_scenario::{Case, StepGraph};
use memwall_simulator::Options;

use super::scenario::{read, suggestion};
use crate::args::{ExplainArgs, Global};
use crate::exit::Exit;
use crate::files::shown_name;
use crate::terminal::{complain, print, view};

// An inline graph may have a label of its own for each of its operators.
const MOST_LABELS: usize = 1_000;

/// Explains one operator of the scenario's (first chosen) case.
pub fn explain(args: &ExplainArgs, global: &Global) -> Exit {
    let scenario = match read(&args.scenario, None, global) {
        Ok(scenario) => scenario,
        Err(exit) => return exit,
    };
    let Some(case) = scenario.cases.first() else {
        let name = shown_name(&args.scenario.file);
        let kind = scenario.kind.name();
        complain(&format!("error: {name}: a scenario of kind `{kind}` has no operators to explain"));
        return Exit::InvalidInput;
    };
    if scenario.cases.len() > 1 && !global.quiet {
        complain(&format!(
            "note: explaining the first of {} cases, `{}`; choose another with --case",
            scenario.cases.len(),
            case.name
        ));
    }
    match explained(args, case, global) {
        Ok(text) => print(&text),
        Err(message) => {
            complain(&format!("error: {}: {message}", shown_name(&args.scenario.file)));
            Exit::InvalidInput
        }
    }
}

fn explained(args: &ExplainArgs, case: &Case, global: &Global) -> Result<String, String> {
    let step = chosen_step(case, args.step)?;
    // Of several pipeline stages, the first that has it.
    let holder = step.graphs.iter().find(|graph| find(graph, &args.operator).is_ok());
    let Some(graph) = holder.or(step.graphs.first()) else {
        return Err("the step has no operators".to_owned());
    };
    let id = find(graph, &args.operator)?;
    let options = Options { fidelity: case.fidelity, counting: case.counting, ..Options::default() };
    let explanation = memwall_simulator::explain(&case.device, &case.software, graph, id, options)
        .map_err(|error| error.to_string())?;
    Ok(explanation_text(&explanation, view(global)))
}

fn chosen_step(case: &Case, number: Option<u64>) -> Result<StepGraph, String> {
    let count = case.step_count();
    let number = number.unwrap_or(count);
    let index = number.checked_sub(1).filter(|index| *index < count);
    let index = index.ok_or_else(|| format!("there is no step {number}; the case has {count}"))?;
    let step = case.steps().nth(usize::try_from(index).map_err(|error| error.to_string())?);
    step.ok_or_else(|| format!("there is no step {number}"))?.map_err(|error| error.to_string())
}

/// The operator of that full name, or the first of that label.
fn find(graph: &Graph, wanted: &str) -> Result<OpId, String> {
    let by = |matches: &dyn Fn(&memwall_model_graph::Operator) -> bool| {
        graph.iter().find(|(_, operator)| matches(operator)).map(|(id, _)| id)
    };
    let found =
        by(&|operator| operator.label == wanted).or_else(|| by(&|operator| operator.name() == wanted));
    found.ok_or_else(|| {
        let mut labels: Vec<&str> = Vec::new();
        for operator in graph.operators() {
            if !labels.contains(&operator.label.as_ref()) && labels.len() < MOST_LABELS {
                labels.push(operator.label.as_ref());
            }
        }
        format!("no operator is called `{wanted}`; {}", suggestion(wanted, &labels))
    })
}
