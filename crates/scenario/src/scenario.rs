//! Reading a scenario: from text to validated cases.

use std::collections::BTreeSet;

use crate::build_case::{self, present};
use crate::case::Case;
use crate::cases::{Variant, variants};
use crate::collective::{self, CollectiveCase};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expect::Expectation;
use crate::limits::{MAX_EXTENDS, MAX_SCENARIO_POINTS};
use crate::loader::Loader;
use crate::memory::{self, MemoryCase};
use crate::microbenchmark::{self, MicrobenchmarkCase, Tables};
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step, Value};
use crate::optimize::{self, Optimize};
use crate::overlay::overlay;
use crate::parse::{check_text, parse, shorten};
use crate::plan::{self, PlanCase};
use crate::recompute::{self, RecomputeCase};
use crate::replay::{self, ReplayCase};
use crate::resolve::Resolver;
use crate::resolved::Resolved;
use crate::set::Set;
use crate::source::{Place, Source, SourceKind, Sources};
use crate::spec::KindSpec;
use crate::sweep::{self, Sweep};
use crate::trend::{self, TrendCase};

/// What holds when nobody says anything.
const DEFAULTS: &str = "kind: run
software: generic
workload: { batch: 1, dtype: bf16, embedding: true, lm_head: true }
fidelity: flow
counting: actual
seed: 0
";

/// The same of a microbenchmark or a trend.
const MICROBENCHMARK_DEFAULTS: &str = "seed: 0\n";

/// The same of a collective.
const COLLECTIVE_DEFAULTS: &str = "communication: nccl\nseed: 0\n";

/// The same of a plan.
const PLAN_DEFAULTS: &str = "communication: nccl
software: generic
workload: { dtype: bf16, embedding: true, lm_head: true }
seed: 0
";
/// The same of a memory.
const MEMORY_DEFAULTS: &str = "workload: { batch: 1, dtype: bf16 }\ncounting: actual\nseed: 0\n";

/// What a run on several devices has besides.
const TEAM_DEFAULTS: &str = "communication: nccl\n";

/// A validated scenario.
#[derive(Debug)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What kind of experiment it is.
    pub kind: KindSpec,
    /// Its cases where it is a run, in written order; at least one then.
    pub cases: Vec<Case>,
    /// Its cases where it is a microbenchmark, in written order; at least one then.
    pub microbenchmarks: Vec<MicrobenchmarkCase>,
    /// Its cases where it is a collective, in written order; at least one then.
    pub collectives: Vec<CollectiveCase>,
    /// Its cases where it is a replay, in written order; at least one then.
    pub replays: Vec<ReplayCase>,
    /// Its cases where it is a plan, in written order; at least one then.
    pub plans: Vec<PlanCase>,
    /// Its cases where it is a trend, in written order; at least one then.
    pub trends: Vec<TrendCase>,
    /// Its cases where it is a memory, in written order; at least one then.
    pub memories: Vec<MemoryCase>,
    /// Its cases where it compares what is computed again, in written order; at least one then.
    pub recomputes: Vec<RecomputeCase>,
    /// Its `sweep:`, where it has one.
    pub sweep: Option<Sweep>,
    /// Its `uncertain:` parameters, where it has some.
    pub uncertain: Option<Sweep>,
    /// What to look for among the designs of `sweep:`, where it says so.
    pub optimize: Option<Optimize>,
    sources: Sources,
    trees: Trees,
}

/// The scenario before it was read: what is common, what each case lays over it, what the command line does.
#[derive(Debug)]
struct Trees {
    common: Node,
    variants: Vec<Variant>,
    sets: Vec<Set>,
    sweep: Option<Node>,
    uncertain: Option<Node>,
    optimize: Option<Node>,
}

impl Scenario {
    /// Reads the scenario `text` of the file `name`, with `sets` (each `path=value`) laid over it.
    ///
    /// Files that it names are read through `loader`. Time and memory are bounded for any input.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line.
    pub fn read(name: &str, text: &str, sets: &[String], loader: &dyn Loader) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::default();
        let mut sources = Sources::default();
        let trees = Trees::read(&mut sources, name, text, sets, loader, &mut problems);
        let Some(trees) = trees.filter(|_| problems.is_empty()) else { return Err(problems.sorted()) };
        let mut resolver = Resolver::new(sources, loader);
        let own_name = text_at(&trees.common, "name").unwrap_or_else(|| file_stem(name));
        let kind = kind_of(&resolver.sources, &trees.common, &mut problems);
        // Of an unknown kind, everything else is checked as if it were a run.
        let (mut cases, mut microbenchmarks) = (Vec::new(), Vec::new());
        let (mut collectives, mut replays, mut trends) = (Vec::new(), Vec::new(), Vec::new());
        let (mut plans, mut memories, mut recomputes) = (Vec::new(), Vec::new(), Vec::new());
        match kind.unwrap_or(KindSpec::Run) {
            KindSpec::Run => cases = build_all(&mut resolver, &trees, &own_name, &mut problems),
            KindSpec::Microbenchmark => {
                microbenchmarks = measure_all(&mut resolver, &trees, &own_name, &mut problems);
            }
            KindSpec::Collective => {
                collectives = communicate_all(&mut resolver, &trees, &own_name, &mut problems);
            }
            KindSpec::Replay => {
                replays = every_case(&mut resolver, &trees, &own_name, &mut problems, replay::build);
            }
            KindSpec::Plan => {
                plans = every_case(&mut resolver, &trees, &own_name, &mut problems, plan::build);
            }
            KindSpec::Trend => {
                let mut tables = Tables::default();
                let build =
                    |resolver: &mut Resolver<'_>, tree: &Node, name: &str, problems: &mut Diagnostics| {
                        trend::build(resolver, &mut tables, tree, name, problems)
                    };
                trends = every_case(&mut resolver, &trees, &own_name, &mut problems, build);
            }
            KindSpec::Memory => {
                memories = every_case(&mut resolver, &trees, &own_name, &mut problems, memory::build);
            }
            KindSpec::Recompute => {
                recomputes = every_case(&mut resolver, &trees, &own_name, &mut problems, recompute::build);
            }
        }
        let sweep =
            trees.sweep.as_ref().and_then(|block| sweep::sweep(&resolver.sources, block, &mut problems));
        let uncertain = trees
            .uncertain
            .as_ref()
            .and_then(|block| sweep::uncertain(&mut resolver, &trees.first(), block, &mut problems));
        let optimize = trees
            .optimize
            .as_ref()
            .and_then(|block| optimize::optimize(&resolver.sources, block, &mut problems));
        let Some(kind) = kind.filter(|_| !problems.has_errors()) else { return Err(problems.sorted()) };
        let description = text_at(&trees.common, "description");
        Ok(Self {
            name: own_name,
            description,
            kind,
            cases,
            microbenchmarks,
            collectives,
            replays,
            plans,
            trends,
            memories,
            recomputes,
            sweep,
            uncertain,
            optimize,
            sources: resolver.sources,
            trees,
        })
    }

    /// All texts it was read from, in the order in which they came up: what a change in any of them changes.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.sources.texts()
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(crate) fn sources_mut(&mut self) -> &mut Sources {
        &mut self.sources
    }

    /// The tree of the first case.
    pub(crate) fn first_tree(&self) -> Node {
        self.trees.first()
    }

    /// Where the whole scenario stands.
    pub(crate) fn common_place(&self) -> Place {
        self.trees.common.place
    }

    /// The case number `index` with every value and where it came from; `None` past the last case.
    ///
    /// # Errors
    /// Files that were read before and cannot be read now.
    pub fn resolved(&self, index: usize, loader: &dyn Loader) -> Option<Result<Resolved, Diagnostics>> {
        let variant = self.trees.variants.get(index)?;
        Some(Resolved::new(&self.trees.of(variant), self.sources.clone(), loader))
    }

    /// The texts that a person wrote it in, each with its name: its own file first, then files that it builds on or
    /// names, and changes made on the command line (named `--set`).
    pub fn written_texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.written()
    }

    /// The names of its cases, of whatever kind, in written order.
    #[must_use]
    pub fn case_names(&self) -> Vec<&str> {
        let runs = self.cases.iter().map(|case| case.name.as_str());
        let curves = self.microbenchmarks.iter().map(|case| case.name.as_str());
        let collectives = self.collectives.iter().map(|case| case.name.as_str());
        let replays = self.replays.iter().map(|case| case.name.as_str());
        let plans = self.plans.iter().map(|case| case.name.as_str());
        let trends = self.trends.iter().map(|case| case.name.as_str());
        let memories = self.memories.iter().map(|case| case.name.as_str());
        let recomputes = self.recomputes.iter().map(|case| case.name.as_str());
        let others = replays.chain(plans).chain(trends).chain(memories).chain(recomputes);
        runs.chain(curves).chain(collectives).chain(others).collect()
    }

    /// Keeps only the cases whose name `keep` wants.
    pub fn retain_cases(&mut self, keep: impl Fn(&str) -> bool) {
        let kept: Vec<bool> = self.case_names().into_iter().map(&keep).collect();
        self.cases.retain(|case| keep(&case.name));
        self.microbenchmarks.retain(|case| keep(&case.name));
        self.collectives.retain(|case| keep(&case.name));
        self.replays.retain(|case| keep(&case.name));
        self.plans.retain(|case| keep(&case.name));
        self.trends.retain(|case| keep(&case.name));
        self.memories.retain(|case| keep(&case.name));
        self.recomputes.retain(|case| keep(&case.name));
        let mut flags = kept.iter();
        self.trees.variants.retain(|_| flags.next().copied().unwrap_or(false));
    }

    /// A problem with an assertion of one of the cases, at its line: that the report has no such metric.
    #[must_use]
    pub fn expectation_problem(&self, expectation: &Expectation, message: &str, help: &str) -> Diagnostic {
        Diagnostic::at(&self.sources, expectation.place, message, "").with_path("expect").with_help(help)
    }
}

fn build_all(
    resolver: &mut Resolver<'_>,
    trees: &Trees,
    scenario: &str,
    problems: &mut Diagnostics,
) -> Vec<Case> {
    let mut cases = Vec::new();
    each_case(resolver, trees, scenario, problems, |resolver, tree, name, problems| {
        cases.extend(build_case::build(resolver, tree, name, problems));
    });
    if !problems.has_errors() {
        check_normalisation(resolver, trees, &cases, problems);
    }
    cases
}

fn measure_all(
    resolver: &mut Resolver<'_>,
    trees: &Trees,
    scenario: &str,
    problems: &mut Diagnostics,
) -> Vec<MicrobenchmarkCase> {
    let mut cases: Vec<MicrobenchmarkCase> = Vec::new();
    let mut tables = Tables::default();
    let mut points = 0;
    each_case(resolver, trees, scenario, problems, |resolver, tree, name, problems| {
        let case = microbenchmark::build(resolver, &mut tables, tree, name, problems);
        points += case.as_ref().map_or(0, |case| case.points.len());
        // Past the limit they are only counted.
        cases.extend(case.filter(|_| points <= MAX_SCENARIO_POINTS));
    });
    if points > MAX_SCENARIO_POINTS {
        let message = format!("{points} points in all cases: at most {MAX_SCENARIO_POINTS}");
        problems.push(Diagnostic::at(&resolver.sources, trees.common.place, message, "").with_path("cases"));
    }
    cases
}

fn communicate_all(
    resolver: &mut Resolver<'_>,
    trees: &Trees,
    scenario: &str,
    problems: &mut Diagnostics,
) -> Vec<CollectiveCase> {
    let mut cases: Vec<CollectiveCase> = Vec::new();
    let mut tables = Tables::default();
    let mut points = 0;
    each_case(resolver, trees, scenario, problems, |resolver, tree, name, problems| {
        let case = collective::build(resolver, &mut tables, tree, name, problems);
        points += case.as_ref().map_or(0, |case| case.points.len());
        cases.extend(case.filter(|_| points <= MAX_SCENARIO_POINTS));
    });
    if points > MAX_SCENARIO_POINTS {
        let message = format!("{points} sizes in all cases: at most {MAX_SCENARIO_POINTS}");
        problems.push(Diagnostic::at(&resolver.sources, trees.common.place, message, "").with_path("cases"));
    }
    cases
}

/// What `build` makes of each case.
fn every_case<T>(
    resolver: &mut Resolver<'_>,
    trees: &Trees,
    scenario: &str,
    problems: &mut Diagnostics,
    mut build: impl FnMut(&mut Resolver<'_>, &Node, &str, &mut Diagnostics) -> Option<T>,
) -> Vec<T> {
    let mut cases = Vec::new();
    each_case(resolver, trees, scenario, problems, |resolver, tree, name, problems| {
        cases.extend(build(resolver, tree, name, problems));
    });
    cases
}

/// Calls `build` with the tree and the name of each case, until there are too many problems.
fn each_case(
    resolver: &mut Resolver<'_>,
    trees: &Trees,
    scenario: &str,
    problems: &mut Diagnostics,
    mut build: impl FnMut(&mut Resolver<'_>, &Node, &str, &mut Diagnostics),
) {
    let mut names = BTreeSet::new();
    for variant in &trees.variants {
        let tree = trees.of(variant);
        let name = variant.name.as_deref().unwrap_or(scenario);
        if !names.insert(name) {
            let place = variant.place.unwrap_or(tree.place);
            let message = format!("two cases are called `{}`", shorten(name));
            problems.push(Diagnostic::at(&resolver.sources, place, message, "again here").with_path("cases"));
        }
        build(resolver, &tree, name, problems);
        if problems.is_full() {
            break;
        }
    }
}

/// The kind that a scenario says it is; `run` where it says nothing.
fn kind_of(sources: &Sources, common: &Node, problems: &mut Diagnostics) -> Option<KindSpec> {
    let Some(node) = common.get("kind").filter(|node| !matches!(node.value, Value::Null)) else {
        return Some(KindSpec::Run);
    };
    let text = node.text().unwrap_or_default();
    if let Some(kind) = KindSpec::ALL.into_iter().find(|kind| kind.name() == text) {
        return Some(kind);
    }
    let message = "this is not a kind of scenario";
    let label = format!("expected {}", one_of(KindSpec::ALL.map(KindSpec::name), 10));
    let near = nearest(text, KindSpec::ALL.map(KindSpec::name));
    let help = near.map_or_else(String::new, |word| format!("did you mean `{word}`?"));
    problems.push(Diagnostic::at(sources, node.place, message, label).with_path("kind").with_help(help));
    None
}

/// A latency relative to a case that does not exist could not be shown.
fn check_normalisation(resolver: &Resolver<'_>, trees: &Trees, cases: &[Case], problems: &mut Diagnostics) {
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    for (case, variant) in cases.iter().zip(&trees.variants) {
        let Some(target) = case.reference.as_ref().and_then(|reference| reference.normalise_to.as_deref())
        else {
            continue;
        };
        if !names.contains(target) {
            let path = ["reference", "normalise_to"].map(|key| Step::Key(key.to_owned()));
            let message = format!("no case is called `{}`", shorten(target));
            let tree = trees.of(variant);
            let diagnostic = crate::typed::problem_at(
                &resolver.sources,
                &tree,
                "",
                &path,
                message,
                "expected a case's name",
            );
            let near = crate::nearest::nearest(target, names.iter().copied());
            problems.push(
                diagnostic.with_help(near.map_or(String::new(), |name| format!("did you mean `{name}`?"))),
            );
        }
    }
}

impl Trees {
    fn read(
        sources: &mut Sources,
        name: &str,
        text: &str,
        sets: &[String],
        loader: &dyn Loader,
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        let common = match chain(sources, name, text, loader) {
            Ok(common) => common,
            Err(problem) => {
                problems.push(*problem);
                return None;
            }
        };
        let mut read = Vec::new();
        for argument in sets {
            match Set::read(sources, "--set", argument) {
                Ok(set) => read.push(set),
                Err(problem) => problems.push(*problem),
            }
        }
        let mut common = read.iter().fold(common, |tree, set| overlay(tree, set.tree.clone()));
        let variants = variants(sources, common.get("cases"), problems);
        let [sweep, uncertain, optimize] =
            ["sweep", "uncertain", "optimize"].map(|key| present(&common, key).cloned());
        for key in ["cases", "sweep", "uncertain", "optimize"] {
            common.remove(&[Step::Key(key.to_owned())]);
        }
        Some(Self { common, variants, sets: read, sweep, uncertain, optimize })
    }

    /// The tree of the first case.
    fn first(&self) -> Node {
        self.variants.first().map_or_else(|| self.common.clone(), |variant| self.of(variant))
    }

    /// The tree of one case. What the command line says goes over what the case says.
    fn of(&self, variant: &Variant) -> Node {
        let Some(over) = &variant.over else { return self.common.clone() };
        let tree = overlay(self.common.clone(), over.clone());
        let again = self
            .sets
            .iter()
            .filter(|set| !["cases", "extends", "sweep", "uncertain", "optimize"].contains(&set.first_key()));
        let mut tree = again.fold(tree, |tree, set| overlay(tree, set.tree.clone()));
        // Where a whole scenario is meant, the lines of the whole are.
        tree.place = self.common.place;
        tree
    }
}

/// The scenario with all that it extends under it, and the defaults under those.
fn chain(
    sources: &mut Sources,
    name: &str,
    text: &str,
    loader: &dyn Loader,
) -> Result<Node, Box<Diagnostic>> {
    let mut names = vec![name.to_owned()];
    let mut trees = vec![document(sources, name, text)?];
    while let Some(node) = trees.last().and_then(|tree| tree.get("extends")) {
        let Some(parent) = node.text() else {
            let message = format!("`extends` is {}", node.kind());
            return Err(Box::new(Diagnostic::at(
                sources,
                node.place,
                message,
                "expected a scenario's file name",
            )));
        };
        let from = names.last().map(String::as_str).unwrap_or_default();
        let loaded = loader.load(from, parent).map_err(|message| {
            let message = format!("cannot read `{}`: {message}", shorten(parent));
            Diagnostic::at(sources, node.place, message, "named here").with_path("extends")
        })?;
        if names.contains(&loaded.name) || names.len() > MAX_EXTENDS {
            let message =
                format!("scenarios extend each other in a circle: {}", circle(&names, &loaded.name));
            return Err(Box::new(Diagnostic::at(sources, node.place, message, "").with_path("extends")));
        }
        trees.push(document(sources, &loaded.name, &loaded.text)?);
        names.push(loaded.name);
    }
    let kind = trees.iter().find_map(|tree| tree.get("kind")).and_then(Node::text);
    let defaults = match kind {
        Some("microbenchmark" | "trend") => MICROBENCHMARK_DEFAULTS,
        Some("collective" | "replay") => COLLECTIVE_DEFAULTS,
        Some("plan") => PLAN_DEFAULTS,
        Some("memory") => MEMORY_DEFAULTS,
        _ => DEFAULTS,
    };
    let has_system = trees.iter().any(|tree| tree.get("system").is_some());
    let more = if has_system && defaults == DEFAULTS { TEAM_DEFAULTS } else { "" };
    let source = sources.add(Source::new("default", SourceKind::Default, format!("{defaults}{more}")));
    let defaults = parse(sources, source)?;
    let extends = [Step::Key("extends".to_owned())];
    Ok(trees.into_iter().rev().fold(defaults, |below, mut tree| {
        tree.remove(&extends);
        overlay(below, tree)
    }))
}

fn document(sources: &mut Sources, name: &str, text: &str) -> Result<Node, Box<Diagnostic>> {
    let text = check_text(name, text)?;
    let source = sources.add(Source::new(name, SourceKind::File, text));
    let node = parse(sources, source)?;
    if node.map().is_none() {
        let message = format!("a scenario is a mapping, and this is {}", node.kind());
        let label = "expected keys such as `model:`, `hardware:` and `workload:`";
        return Err(Box::new(Diagnostic::at(sources, node.place, message, label)));
    }
    Ok(node)
}

fn circle(names: &[String], again: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| shorten(name)).collect();
    format!("{} -> {}", names.join(" -> "), shorten(again))
}

fn text_at(tree: &Node, key: &str) -> Option<String> {
    tree.get(key).and_then(Node::text).map(str::to_owned)
}

/// `first_run` of `scenarios/tutorial/first_run.yaml`.
fn file_stem(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if stem.is_empty() || stem == "-" { "scenario".to_owned() } else { stem.to_owned() }
}
