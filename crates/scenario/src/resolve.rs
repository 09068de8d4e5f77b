//! `model:`, `hardware:` and `software:` blocks: names looked up, `extends` merged away.

use std::collections::BTreeMap;
use std::sync::Arc;

use memwall_hardware::catalog::{self, Entry};
use memwall_hardware::{
    CatalogError, CommunicationLibrary, Device, DeviceSpec, HardwareError, SoftwareProfile, SoftwareSpec,
    System, SystemSpec,
};
use memwall_model_graph::Architecture;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::first_step::FirstSteps;
use crate::limits::MAX_EXTENDS;
use crate::loader::Loader;
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step, Value};
use crate::overlay::overlay;
use crate::parse::{check_text, parse, shorten};
use crate::source::{Place, Source, SourceKind, Sources};
use crate::{config, typed};

/// A resolved model and what reports call it.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub name: String,
    pub architecture: Arc<Architecture>,
}

/// Looks names up, each once.
pub(crate) struct Resolver<'a> {
    pub sources: Sources,
    pub loader: &'a dyn Loader,
    documents: BTreeMap<(Block, String), Option<Node>>,
    devices: BTreeMap<String, Option<Arc<Device>>>,
    software: BTreeMap<String, Option<Arc<SoftwareProfile>>>,
    models: BTreeMap<String, Option<Model>>,
    systems: BTreeMap<String, Option<Arc<System>>>,
    libraries: BTreeMap<String, Option<Arc<CommunicationLibrary>>>,
    /// First steps, where cases follow each other that are often alike.
    pub first_steps: Option<FirstSteps>,
}

/// Which block a name stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Block {
    Model,
    Hardware,
    System,
    Communication,
    Software,
}

impl Block {
    pub const fn key(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Hardware => "hardware",
            Self::System => "system",
            Self::Communication => "communication",
            Self::Software => "software",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Hardware => "device",
            Self::System => "system",
            Self::Communication => "communication library",
            Self::Software => "software profile",
        }
    }

    /// Whether a name is a file's.
    fn is_file(self, name: &str) -> bool {
        match self {
            Self::Model => name.ends_with(".json"),
            _ => name.ends_with(".yaml") || name.ends_with(".yml"),
        }
    }

    fn help(self, name: &str) -> String {
        let names = match self {
            Self::Model => model_names(),
            Self::Hardware => entry_names(catalog::devices()),
            Self::System => entry_names(catalog::systems()),
            Self::Communication => entry_names(catalog::communication_libraries()),
            Self::Software => entry_names(catalog::software_profiles()),
        };
        match (nearest(name, names.iter().copied()), self) {
            (Some(word), _) => format!("did you mean `{word}`?"),
            (None, Self::Model) => "`memwall model list` shows all; a file's name ends in `.json`".to_owned(),
            (None, Self::Hardware | Self::System) => {
                "`memwall hardware list` shows all; a file's name ends in `.yaml`".to_owned()
            }
            (None, Self::Software | Self::Communication) => format!("the catalog has {}", one_of(names, 20)),
        }
    }
}

impl<'a> Resolver<'a> {
    pub fn new(sources: Sources, loader: &'a dyn Loader) -> Self {
        Self {
            sources,
            loader,
            documents: BTreeMap::new(),
            devices: BTreeMap::new(),
            software: BTreeMap::new(),
            models: BTreeMap::new(),
            systems: BTreeMap::new(),
            libraries: BTreeMap::new(),
            first_steps: None,
        }
    }

    /// Whether more is kept than a sweep should: more texts than `texts`, or too many parts.
    pub fn is_full(&self, texts: usize) -> bool {
        const MOST_PARTS: usize = 256;
        let parts = [
            self.devices.len(),
            self.software.len(),
            self.models.len(),
            self.systems.len(),
            self.libraries.len(),
        ];
        self.sources.len() > texts || parts.into_iter().any(|kept| kept > MOST_PARTS)
    }

    /// Drops what could not be resolved, so that the reason is told again.
    pub fn forget_failures(&mut self) {
        self.documents.retain(|_, found| found.is_some());
        self.devices.retain(|_, found| found.is_some());
        self.software.retain(|_, found| found.is_some());
        self.models.retain(|_, found| found.is_some());
        self.systems.retain(|_, found| found.is_some());
        self.libraries.retain(|_, found| found.is_some());
    }

    /// The device that a `hardware` block describes.
    pub fn device(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Arc<Device>> {
        let key = self.key_of(block);
        if let Some(known) = self.devices.get(&key) {
            return known.clone();
        }
        let device = self.read_device(block, problems).map(Arc::new);
        self.devices.insert(key, device.clone());
        device
    }

    fn read_device(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Device> {
        let node = self.document(Block::Hardware, block, problems)?;
        let spec: DeviceSpec = typed::read(&self.sources, &node, "hardware", problems)?;
        let modified = block.map().is_some_and(|map| !map.contains_key("title") && !map.contains_key("name"));
        match Device::try_from_spec(spec) {
            Ok(mut device) => {
                if modified {
                    device.title.push_str(", modified");
                }
                Some(device)
            }
            Err(errors) => self.hardware_errors(&node, "hardware", errors, problems),
        }
    }

    /// The profile that a `software` block describes.
    pub fn software(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Arc<SoftwareProfile>> {
        let key = self.key_of(block);
        if let Some(known) = self.software.get(&key) {
            return known.clone();
        }
        let profile = self.read_software(block, problems).map(Arc::new);
        self.software.insert(key, profile.clone());
        profile
    }

    fn read_software(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<SoftwareProfile> {
        let node = self.document(Block::Software, block, problems)?;
        let spec: SoftwareSpec = typed::read(&self.sources, &node, "software", problems)?;
        SoftwareProfile::try_from_spec(spec)
            .map_or_else(|errors| self.hardware_errors(&node, "software", errors, problems), Some)
    }

    /// The system that a `system` block describes.
    pub fn system(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Arc<System>> {
        let key = self.key_of(block);
        if let Some(known) = self.systems.get(&key) {
            return known.clone();
        }
        let system = self.read_system(block, problems).map(Arc::new);
        self.systems.insert(key, system.clone());
        system
    }

    fn read_system(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<System> {
        let node = self.document(Block::System, block, problems)?;
        let spec: SystemSpec = typed::read(&self.sources, &node, "system", problems)?;
        let modified = block.map().is_some_and(|map| !map.contains_key("title") && !map.contains_key("name"));
        match System::try_from_spec(spec) {
            Ok(mut system) => {
                if modified {
                    system.title.push_str(", modified");
                }
                Some(system)
            }
            Err(errors) => self.hardware_errors(&node, "system", errors, problems),
        }
    }

    /// The library that a `communication` block describes.
    pub fn library(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Arc<CommunicationLibrary>> {
        let key = self.key_of(block);
        if let Some(known) = self.libraries.get(&key) {
            return known.clone();
        }
        let library = self.read_library(block, problems).map(Arc::new);
        self.libraries.insert(key, library.clone());
        library
    }

    fn read_library(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<CommunicationLibrary> {
        let node = self.document(Block::Communication, block, problems)?;
        let library: CommunicationLibrary = typed::read(&self.sources, &node, "communication", problems)?;
        match library.check() {
            Ok(()) => Some(library),
            Err(errors) => self.hardware_errors(&node, "communication", errors, problems),
        }
    }

    fn hardware_errors<T>(
        &self,
        node: &Node,
        prefix: &str,
        errors: Vec<HardwareError>,
        problems: &mut Diagnostics,
    ) -> Option<T> {
        for error in errors {
            let path: Vec<Step> = error.path.into_iter().map(Step::Key).collect();
            let diagnostic = typed::problem_at(&self.sources, node, prefix, &path, error.message, "");
            problems.push(diagnostic.with_help(error.hint.unwrap_or_default()));
        }
        None
    }

    /// The model that a `model` block describes.
    pub fn model(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Model> {
        let key = self.key_of(block);
        if let Some(known) = self.models.get(&key) {
            return known.clone();
        }
        let model = self.read_model(block, problems);
        self.models.insert(key, model.clone());
        model
    }

    fn read_model(&mut self, block: &Node, problems: &mut Diagnostics) -> Option<Model> {
        let mut node = self.document(Block::Model, block, problems)?;
        let own_name = node.get("name").and_then(Node::text).map(str::to_owned);
        node.remove(&[Step::Key("name".to_owned())]);
        let architecture: Architecture = typed::read(&self.sources, &node, "model", problems)?;
        if let Err(errors) = architecture.validate() {
            for error in errors {
                let path: Vec<Step> = error.path.iter().cloned().map(Step::Key).collect();
                let label = format!("expected {}", error.expected);
                let message = format!("`model.{}` is {}", error.path.join("."), error.actual);
                problems.push(typed::problem_at(&self.sources, &node, "model", &path, message, label));
            }
            return None;
        }
        let extended =
            block.get("extends").and_then(Node::text).map(|name| format!("{}, modified", short(name)));
        let name = own_name.or_else(|| block.text().map(short)).or(extended);
        Some(Model {
            name: name.unwrap_or_else(|| "inline".to_owned()),
            architecture: Arc::new(architecture),
        })
    }

    /// A block with names looked up and `extends` merged away.
    pub fn document(&mut self, block: Block, node: &Node, problems: &mut Diagnostics) -> Option<Node> {
        self.expand(block, node, 0, problems)
    }

    fn expand(
        &mut self,
        block: Block,
        node: &Node,
        depth: usize,
        problems: &mut Diagnostics,
    ) -> Option<Node> {
        match &node.value {
            Value::Text(name) => {
                let base = self.named(block, name, node.place, depth, problems)?;
                // Problems of the catalog's own figures point to the name.
                Some(Node { value: base.value, place: node.place })
            }
            Value::Map(map) => {
                let mut over = node.clone();
                over.remove(&[Step::Key("extends".to_owned())]);
                let Some(field) = map.get("extends") else { return Some(over) };
                let Value::Text(name) = &field.node.value else {
                    let label = format!("expected the name of a {}", block.what());
                    let message = format!("`{}.extends` is {}", block.key(), field.node.kind());
                    problems.push(Diagnostic::at(&self.sources, field.node.place, message, label));
                    return None;
                };
                let base = self.named(block, name, field.node.place, depth, problems)?;
                Some(overlay(base, over))
            }
            _ => {
                let label = format!("expected the name of a {}, or its description", block.what());
                let message = format!("`{}` is {}", block.key(), node.kind());
                problems
                    .push(Diagnostic::at(&self.sources, node.place, message, label).with_path(block.key()));
                None
            }
        }
    }

    /// What a name stands for. The answer is kept, so that a problem inside it is reported once.
    fn named(
        &mut self,
        block: Block,
        name: &str,
        place: Place,
        depth: usize,
        problems: &mut Diagnostics,
    ) -> Option<Node> {
        if depth > MAX_EXTENDS {
            let message = format!("`extends` more than {MAX_EXTENDS} deep, or in a circle");
            problems.push(Diagnostic::at(&self.sources, place, message, "").with_path(block.key()));
            return None;
        }
        let is_file = block.is_file(name);
        let from = if is_file { self.file_of(place) } else { String::new() };
        let key = (block, format!("{from}\n{name}"));
        if let Some(Some(known)) = self.documents.get(&key) {
            return Some(known.clone());
        }
        let found = if is_file {
            self.in_file(block, name, place, &from, depth, problems)
        } else {
            self.in_catalog(block, name, place, depth, problems)
        };
        self.documents.insert(key, found.clone());
        found
    }

    fn in_file(
        &mut self,
        block: Block,
        name: &str,
        place: Place,
        from: &str,
        depth: usize,
        problems: &mut Diagnostics,
    ) -> Option<Node> {
        let loaded = match self.loader.load(from, name) {
            Ok(loaded) => loaded,
            Err(message) => {
                let message = format!("cannot read `{}`: {message}", shorten(name));
                problems
                    .push(Diagnostic::at(&self.sources, place, message, "named here").with_path(block.key()));
                return None;
            }
        };
        if let Err(diagnostic) = check_text(&loaded.name, &loaded.text) {
            problems.push(*diagnostic);
            return None;
        }
        if block == Block::Model {
            return self.in_config(&loaded.name, &loaded.text, place, problems);
        }
        let source = self.sources.add(Source::new(loaded.name.as_str(), SourceKind::File, loaded.text));
        let node = self.parsed(source, problems)?;
        self.expand(block, &node, depth + 1, problems)
    }

    fn in_config(
        &mut self,
        file: &str,
        text: &str,
        place: Place,
        problems: &mut Diagnostics,
    ) -> Option<Node> {
        match Architecture::from_hf_config(text) {
            Ok(architecture) => self.derived(file, &architecture, SourceKind::Derived, problems),
            Err(error) => {
                problems.push(config::problem(&mut self.sources, file, text, place, &error));
                None
            }
        }
    }

    fn in_catalog(
        &mut self,
        block: Block,
        name: &str,
        place: Place,
        depth: usize,
        problems: &mut Diagnostics,
    ) -> Option<Node> {
        let entry = match block {
            Block::Model => match memwall_model_graph::catalog::find(name) {
                Some(architecture) => {
                    return self.derived(name, &architecture, SourceKind::Catalog, problems);
                }
                None => None,
            },
            Block::Hardware => entry(catalog::device_entry(name)),
            Block::System => entry(catalog::system_entry(name)),
            Block::Communication => entry(catalog::communication_entry(name)),
            Block::Software => entry(catalog::software_entry(name)),
        };
        let Some(entry) = entry else {
            let message = format!("no {} is called `{}`", block.what(), shorten(name));
            let diagnostic = Diagnostic::at(&self.sources, place, message, "not in the catalog");
            problems.push(diagnostic.with_path(block.key()).with_help(block.help(name)));
            return None;
        };
        let source = self.sources.add(Source::new(entry.name, SourceKind::Catalog, entry.yaml));
        let node = self.parsed(source, problems)?;
        self.expand(block, &node, depth + 1, problems)
    }

    /// A tree made from a value of ours, so that it can be laid under what a person wrote.
    fn derived(
        &mut self,
        name: &str,
        architecture: &Architecture,
        kind: SourceKind,
        problems: &mut Diagnostics,
    ) -> Option<Node> {
        let text = serde_yaml::to_string(architecture).unwrap_or_default();
        let source = self.sources.add(Source::new(name, kind, text));
        self.parsed(source, problems)
    }

    fn parsed(&self, source: u32, problems: &mut Diagnostics) -> Option<Node> {
        parse(&self.sources, source).map_err(|diagnostic| problems.push(*diagnostic)).ok()
    }

    /// The name of the file a place is in, to which paths written there are relative; for the command line, the
    /// scenario's.
    pub(crate) fn file_of(&self, place: Place) -> String {
        let source = self.sources.get(place).filter(|source| source.kind == SourceKind::File);
        source.or(self.sources.first()).map(|source| source.name.clone()).unwrap_or_default()
    }

    /// The block as text: the same block of the same file is resolved once.
    fn key_of(&self, block: &Node) -> String {
        let text = match &block.value {
            Value::Text(name) => name.to_string(),
            _ => serde_yaml::to_string(&block.to_yaml()).unwrap_or_default(),
        };
        format!("{}\n{text}", self.file_of(block.place))
    }
}

fn entry(found: Result<&'static Entry, CatalogError>) -> Option<&'static Entry> {
    found.ok()
}

fn entry_names(entries: &'static [Entry]) -> Vec<&'static str> {
    entries
        .iter()
        .flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases.iter().copied()))
        .collect()
}

fn model_names() -> Vec<&'static str> {
    let networks = memwall_model_graph::networks::NETWORKS.iter();
    let networks = networks.flat_map(|one| std::iter::once(one.name).chain(one.aliases.iter().copied()));
    memwall_model_graph::catalog::models()
        .iter()
        .flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases.iter().copied()))
        .chain(networks)
        .collect()
}

/// `config.json` of `models/my-model/config.json` says nothing: the folder is part of the name.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.rsplit(['/', '\\']).take(2).collect();
    match parts.as_slice() {
        [file, folder] if *file == "config.json" => (*folder).to_owned(),
        [file, ..] => file.trim_end_matches(".json").to_owned(),
        [] => name.to_owned(),
    }
}
