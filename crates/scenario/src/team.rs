//! `system:`, `parallel:` and `slow:` blocks of a run.

use std::sync::Arc;

use memwall_hardware::{Device, System};
use memwall_model_graph::Parallel;

use crate::build_case::{optional, present};
use crate::case::{Subject, Team};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Step, Value};
use crate::resolve::Resolver;
use crate::source::SourceKind;
use crate::spec::SlowSpec;
use crate::typed;

/// The most slow ranks.
const MAX_SLOW: usize = 64;

/// The machine, where the scenario has a `system`; `Some(None)` where that is wrong, which was said.
pub(crate) fn machine(
    resolver: &mut Resolver<'_>,
    root: &Node,
    problems: &mut Diagnostics,
) -> Option<Option<Arc<System>>> {
    let found = present(root, "system").map(|block| resolver.system(block, problems));
    if found == Some(None) {
        // There will be no team to build; what is wrong besides is said all the same.
        let _: Option<Parallel> = optional(resolver, root, "parallel", problems);
        let _: Option<Vec<SlowSpec>> = optional(resolver, root, "slow", problems);
    }
    found
}

/// The device of the machine's nodes.
pub(crate) fn device(
    resolver: &mut Resolver<'_>,
    root: &Node,
    system: &System,
    problems: &mut Diagnostics,
) -> Option<Arc<Device>> {
    let place = present(root, "system").map_or(root.place, |block| block.place);
    let name = Node { value: Value::Text(system.device.clone().into()), place };
    resolver.device(&name, problems)
}

/// What makes no sense without a system.
pub(crate) fn refuse(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) {
    for key in ["parallel", "slow", "communication", "collective", "replay"] {
        let Some(field) = root.map().and_then(|map| map.get(key)) else { continue };
        let written = matches!(resolver.sources.kind(field.key), SourceKind::File | SourceKind::Set);
        if written {
            let message = format!("`{key}` needs several devices");
            let problem = Diagnostic::at(&resolver.sources, field.key, message, "").with_path(key);
            problems.push(problem.with_help(if key == "collective" {
                "add `kind: collective`, and a system such as `system: dgx-h100`"
            } else {
                "add a system, such as `system: dgx-h100`"
            }));
        }
    }
}

/// The team of a run on this machine.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    root: &Node,
    system: Arc<System>,
    subject: &Subject,
    problems: &mut Diagnostics,
) -> Option<Team> {
    let before = problems.list.len() + problems.more;
    // Where only some cases have a system, no default was laid under them.
    let usual = Node { value: Value::Text("nccl".into()), place: root.place };
    let library = resolver.library(present(root, "communication").unwrap_or(&usual), problems);
    let parallel: Parallel = optional(resolver, root, "parallel", problems).unwrap_or_default();
    let slow: Vec<SlowSpec> = optional(resolver, root, "slow", problems).unwrap_or_default();
    let mut problem = |path: &[Step], message: String, label: String| {
        problems.push(typed::problem_at(&resolver.sources, root, "", path, message, label));
    };
    let key = |key: &str| Step::Key(key.to_owned());
    match subject {
        Subject::Model { architecture, .. } => {
            for error in parallel.validate(architecture).err().unwrap_or_default() {
                let path: Vec<Step> =
                    std::iter::once(key("parallel")).chain(error.path.iter().map(|part| key(part))).collect();
                let message = format!("`parallel.{}` is {}", error.path.join("."), error.actual);
                problem(&path, message, format!("expected {}", error.expected));
            }
        }
        Subject::Graph { .. } | Subject::Network { .. } if parallel != Parallel::default() => {
            let message =
                "only a transformer is divided; of a `graph`, write each rank's operators".to_owned();
            problem(&[key("parallel")], message, "leave it out".to_owned());
        }
        Subject::Graph { .. } | Subject::Network { .. } => {}
    }
    let (ranks, devices) = (parallel.ranks(), system.fabric().devices());
    if ranks > u64::from(devices) {
        let message = format!("{ranks} ranks, and `{}` has {devices} devices", system.name);
        let label = "tensor x pipeline x data x context ranks, each on a device of its own".to_owned();
        problem(&[key("parallel")], message, label);
    }
    if slow.len() > MAX_SLOW {
        problem(&[key("slow")], format!("{} slow ranks: at most {MAX_SLOW}", slow.len()), String::new());
    }
    for (index, one) in slow.iter().enumerate() {
        if u64::from(one.rank) >= ranks {
            let path = [key("slow"), Step::Index(index), key("rank")];
            let label = format!("expected from 0 to {}", ranks.saturating_sub(1));
            problem(&path, format!("no rank {}: there are {ranks}", one.rank), label);
        }
        if slow[..index].iter().any(|other| other.rank == one.rank) {
            let path = [key("slow"), Step::Index(index), key("rank")];
            problem(&path, format!("rank {} is there twice", one.rank), "leave one out".to_owned());
        }
        if !(one.speed > 0.0 && one.speed <= 1.0) {
            let path = [key("slow"), Step::Index(index), key("speed")];
            problem(&path, format!("a speed of {}", one.speed), "expected above 0, at most 1".to_owned());
        }
    }
    if problems.list.len() + problems.more > before {
        return None;
    }
    Some(Team {
        system,
        library: library?,
        parallel,
        slow: slow.iter().map(|one| (one.rank, one.speed)).collect(),
    })
}
