//! `memwall model`.

use memwall_model_graph::networks::{self, NETWORKS, NetworkStep};
use memwall_model_graph::{Architecture, BuildOptions, Counting, Dtype, Network, Precision, catalog};
use memwall_report::{name_list, paragraph};
use memwall_units::Bytes;

use crate::args::{CatalogCommand, Global};
use crate::exit::Exit;
use crate::files::{read_text, shown_name};
use crate::terminal::{complain, print, view};

/// `memwall model list|show`.
pub fn model(command: &CatalogCommand, global: &Global) -> Exit {
    match command {
        CatalogCommand::List => {
            let row = |entry: &catalog::Entry| {
                (entry.name.to_owned(), entry.title.to_owned(), entry.aliases.join(", "))
            };
            let network = |one: &Network| (one.name.to_owned(), one.title.to_owned(), one.aliases.join(", "));
            let rows = catalog::models().iter().map(row).chain(NETWORKS.iter().map(network));
            print(&name_list(&rows.collect::<Vec<_>>(), view(global)))
        }
        CatalogCommand::Show { name } if networks::find(name).is_some() => {
            networks::find(name).map_or(Exit::Internal, |network| show_network(network, global))
        }
        CatalogCommand::Show { name } => match find(name) {
            Ok((title, source, architecture)) => show(&title, &source, &architecture, global),
            Err(message) => {
                complain(&format!("error: {message}"));
                Exit::InvalidInput
            }
        },
    }
}

/// The title, the source and the architecture of a catalog entry or a config.json.
fn find(name: &str) -> Result<(String, String, Architecture), String> {
    if name.ends_with(".json") || name == "-" {
        let shown = shown_name(name);
        let text = read_text(name).map_err(|message| format!("{shown}: {message}"))?;
        let architecture =
            Architecture::from_hf_config(&text).map_err(|error| format!("{shown}: {error}"))?;
        return Ok((shown.to_owned(), String::new(), architecture));
    }
    if let Some(entry) = catalog::entry(name) {
        let title = format!("{} ({})", entry.title, entry.name);
        return Ok((title, entry.source.to_owned(), entry.architecture()));
    }
    let networks = NETWORKS.iter().flat_map(|network| network.aliases.iter().chain([&network.name]));
    let names = catalog::models().iter().flat_map(|entry| entry.aliases.iter().chain([&entry.name]));
    let names = names.chain(networks);
    let near = names
        .map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), known), *known))
        .filter(|(distance, known)| *distance * 3 <= known.len())
        .min();
    let hint = near.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default();
    Err(format!(
        "no model is called `{name}`{hint} (`memwall model list` shows all; a path must end in .json)"
    ))
}

fn show(title: &str, source: &str, architecture: &Architecture, global: &Global) -> Exit {
    let parameters = architecture.parameters();
    let mut text = format!("{title}\n{}\n", paragraph(source, view(global)));
    match serde_yaml::to_string(architecture) {
        Ok(yaml) => yaml.lines().for_each(|line| text += &format!("  {line}\n")),
        Err(error) => {
            complain(&format!("error: the model cannot be written as YAML: {error}"));
            return Exit::Internal;
        }
    }
    text += &format!("\n  parameters  {:.2} billion ({parameters})\n", parameters as f64 / 1e9);
    text += "\n              weights      KV cache a token\n";
    for dtype in [Dtype::Fp32, Dtype::Bf16, Dtype::Fp8, Dtype::Int4] {
        let precision = Precision::uniform(dtype);
        let weights = Bytes(architecture.weight_bytes(&precision)).to_string();
        let cache = Bytes(architecture.kv_bytes_per_token(&precision));
        text += &format!("  {:<12}{weights:<13}{cache}\n", dtype.name());
    }
    print(&text)
}

/// A convolutional network, counted from its graph for one image.
fn show_network(network: &Network, global: &Global) -> Exit {
    let options = BuildOptions::fused(Precision::uniform(Dtype::Fp16));
    let step = NetworkStep { batch: 1, image: network.image, trains: false };
    let graph = match network.build(&step, &options) {
        Ok(graph) => graph,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Exit::Internal;
        }
    };
    let parameters = network.parameters();
    let counts = graph.operators().iter().map(|operator| operator.counts(&graph, Counting::Actual).flops);
    let mut text =
        format!("{} ({})\n{}\n", network.title, network.name, paragraph(network.source, view(global)));
    text += &format!("  parameters  {:.2} million ({parameters})\n", parameters as f64 / 1e6);
    text += &format!("  image       {0} x {0} pixels\n", network.image);
    text += &format!("  operations  {:.2} billion an image\n", counts.sum::<u128>() as f64 / 1e9);
    text += &format!("  operators   {}\n", graph.operators().len());
    print(&text)
}
