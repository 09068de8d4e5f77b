//! The JSON Schema of scenarios, for editors.

use serde_json::{Map, Value, json};

use crate::spec::ScenarioFile;

/// The schema of scenario files, draft-07, made from the types that read them and their words.
#[must_use]
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<ScenarioFile>().to_value();
    if let Value::Object(root) = &mut schema {
        root.insert("title".to_owned(), json!("memwall scenario"));
        relax(root);
        name_catalog(root);
        open_cases(root);
    }
    schema
}

/// Types that are always written whole; of all others a part will do, laid over what is extended.
const WHOLE: [&str; 6] =
    ["OperatorSpec", "ExpectSpec", "Published", "SlidingWindow", "SweepRangeSpec", "Sample"];

/// Takes `required` out of whatever may be a part, and closes what `flatten` left open.
fn relax(root: &mut Map<String, Value>) {
    root.remove("required");
    let Some(Value::Object(definitions)) = root.get_mut("definitions") else { return };
    for (name, definition) in definitions {
        let Value::Object(definition) = definition else { continue };
        if !WHOLE.contains(&name.as_str()) {
            definition.remove("required");
        }
        if name == "ModelSpec" {
            definition.insert("additionalProperties".to_owned(), json!(false));
        }
    }
}

/// Offers the catalog's names where a name may stand, without forbidding others (paths, aliases).
fn name_catalog(root: &mut Map<String, Value>) {
    let networks = memwall_model_graph::networks::NETWORKS.iter().map(|network| network.name);
    let models =
        memwall_model_graph::catalog::models().iter().map(|entry| entry.name).chain(networks).collect();
    let devices = memwall_hardware::catalog::devices().iter().map(|entry| entry.name).collect();
    let software = memwall_hardware::catalog::software_profiles().iter().map(|entry| entry.name).collect();
    let systems = memwall_hardware::catalog::systems().iter().map(|entry| entry.name).collect();
    let libraries =
        memwall_hardware::catalog::communication_libraries().iter().map(|entry| entry.name).collect();
    let lists: [(&str, Vec<&str>); 5] = [
        ("model", models),
        ("hardware", devices),
        ("system", systems),
        ("communication", libraries),
        ("software", software),
    ];
    let Some(Value::Object(properties)) = root.get_mut("properties") else { return };
    for (key, names) in lists {
        if let Some(Value::Object(property)) = properties.get_mut(key) {
            property.insert("examples".to_owned(), json!(names));
        }
    }
}

/// A case may hold any key of the scenario but those that make it a scenario.
fn open_cases(root: &mut Map<String, Value>) {
    let Some(properties) = root.get("properties").and_then(Value::as_object).cloned() else { return };
    let mut keys = properties;
    for key in ["cases", "extends", "kind", "sweep", "uncertain", "optimize"] {
        keys.remove(key);
    }
    if let Some(Value::Object(case)) = root.get_mut("definitions").and_then(|all| all.get_mut("CaseSpec")) {
        case.insert("properties".to_owned(), Value::Object(keys));
        case.insert("additionalProperties".to_owned(), json!(false));
    }
}
