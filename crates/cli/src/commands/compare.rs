//! `memwall compare`.

use memwall_explore::compare::{Compared, compare as run_all};
use memwall_scenario::{KindSpec, Scenario};

use super::deliver_document;
use super::scenario::{choose, read_file, suggestion};
use crate::args::{CompareArgs, Format, Global};
use crate::exit::Exit;
use crate::files::{Disk, check_target, shown_name};
use crate::terminal::{color_messages, complain, view, width};

/// A scenario to compare, and what its cases are called.
struct Side {
    label: String,
    scenario: Scenario,
}

/// Prints scenarios, or cases of one, side by side.
pub fn compare(args: &CompareArgs, global: &Global) -> Exit {
    if let Some(path) = args.output.as_deref()
        && let Err(message) = check_target(path)
    {
        return super::cannot_write(path, &message);
    }
    let text = sides(args, global).and_then(|sides| {
        let groups = groups(&sides, global)?;
        let document = run_all(&groups).map_err(|error| {
            complain(&format!("error: {error}"));
            if error.is_limit() { Exit::Limit } else { Exit::InvalidInput }
        })?;
        let mut view = view(global);
        view.color = view.color && args.output.is_none();
        Ok(match args.format {
            Format::Json => document.to_json(),
            Format::Csv => Ok(document.to_csv()),
            Format::Table => Ok(document.to_table(view)),
        })
    });
    match text {
        Ok(text) => deliver_document(args.output.as_deref(), text),
        Err(exit) => exit,
    }
}

/// The scenarios of the command line: the files, then the first file with each `--with`.
fn sides(args: &CompareArgs, global: &Global) -> Result<Vec<Side>, Exit> {
    let mut sides = Vec::new();
    for file in &args.files {
        let scenario = read(args, file, None, global)?;
        sides.push(Side { label: scenario.name.clone(), scenario });
    }
    for change in &args.changes {
        let Some(first) = args.files.first() else { break };
        let scenario = read(args, first, Some(change), global)?;
        sides.push(Side { label: format!("with {change}"), scenario });
    }
    Ok(sides)
}

fn read(args: &CompareArgs, file: &str, change: Option<&String>, global: &Global) -> Result<Scenario, Exit> {
    let sets: Vec<String> = args.sets.iter().chain(change).cloned().collect();
    let mut scenario = read_file(file, &sets, global)?;
    if scenario.kind != KindSpec::Run {
        let (file, kind) = (shown_name(file), scenario.kind.name());
        complain(&format!(
            "error: {file}: `compare` needs scenarios of kind `run`, and this is of kind `{kind}`"
        ));
        return Err(Exit::InvalidInput);
    }
    if !args.cases.is_empty() {
        choose(&mut scenario, &args.cases)?;
    }
    Ok(scenario)
}

/// What is compared with what: of one scenario its cases with the first; of several, cases of the same name, or the only
/// case of each.
fn groups<'a>(sides: &'a [Side], global: &Global) -> Result<Vec<Vec<Compared<'a>>>, Exit> {
    let Some((first, others)) = sides.split_first() else { return Ok(Vec::new()) };
    let names = first.scenario.case_names();
    if others.is_empty() {
        if names.len() < 2 {
            complain(
                "error: there is nothing to compare with: name another file, `--with PATH=VALUE`, or a scenario of \
                 several cases",
            );
            return Err(Exit::Usage);
        }
        let all = (0..names.len()).map(|index| compared(first, index, names[index].to_owned(), global));
        return Ok(vec![all.collect::<Result<_, _>>()?]);
    }
    let mut groups: Vec<Vec<Compared<'a>>> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let label = |side: &Side| {
            if names.len() > 1 { format!("{}, {name}", side.label) } else { side.label.clone() }
        };
        let mut group = vec![compared(first, index, label(first), global)?];
        for other in others {
            let their = other.scenario.case_names();
            let only = names.len() == 1 && their.len() == 1;
            if let Some(found) = their.iter().position(|theirs| only || theirs == name) {
                group.push(compared(other, found, label(other), global)?);
            }
        }
        groups.push(group);
    }
    if let Some(strange) = others.iter().find(|other| no_name_in_common(other, &names)) {
        let wanted = strange.scenario.case_names();
        let wanted = wanted.first().copied().unwrap_or_default();
        let hint = suggestion(wanted, &names);
        complain(&format!(
            "error: no case of `{}` is called as one of `{}`: `{wanted}`; {hint}",
            strange.label, first.label
        ));
        return Err(Exit::InvalidInput);
    }
    Ok(groups)
}

fn no_name_in_common(other: &Side, names: &[&str]) -> bool {
    let their = other.scenario.case_names();
    !(names.len() == 1 && their.len() == 1) && their.iter().all(|theirs| !names.contains(theirs))
}

fn compared<'a>(side: &'a Side, index: usize, label: String, global: &Global) -> Result<Compared<'a>, Exit> {
    let values = match side.scenario.resolved(index, &Disk) {
        Some(Ok(resolved)) => resolved.values,
        Some(Err(problems)) => {
            complain(&problems.render(color_messages(global), width()));
            return Err(Exit::InvalidInput);
        }
        None => Vec::new(),
    };
    Ok(Compared { label, case: &side.scenario.cases[index], values })
}
