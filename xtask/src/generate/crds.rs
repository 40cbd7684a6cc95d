//! The custom resource definitions, from the types of the crate `crds`: as they are, and as templates of their chart.

use super::Made;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Uninstalling the chart must not take everybody's platforms along.
const KEEP: &str = "    helm.sh/resource-policy: keep\n";

/// Both forms of every definition.
pub(super) fn make() -> Result<Made> {
    let mut made = Made {
        owned: vec![
            (PathBuf::from("crds/generated"), ".yaml"),
            (PathBuf::from("charts/crewdeck-crds/templates"), ".yaml"),
            (PathBuf::from("charts/crewdeck-platform"), ".schema.json"),
        ],
        ..Made::default()
    };
    made.files.insert(
        PathBuf::from("charts/crewdeck-platform/values.schema.json"),
        values_schema()?,
    );
    for (name, yaml) in crds::manifests() {
        let header = "# Made from the types in crds/src by `cargo xtask gen crds`; do not edit.\n";
        made.files.insert(
            PathBuf::from("crds/generated").join(name),
            format!("{header}{yaml}"),
        );
        made.files.insert(
            PathBuf::from("charts/crewdeck-crds/templates").join(name),
            format!("{header}{}", template(&yaml)?),
        );
    }
    Ok(made)
}

/// What the values of chart crewdeck-platform may be: `spec` is the spec of the Platform itself.
fn values_schema() -> Result<String> {
    let definition = serde_json::to_value(crds::definition())?;
    let mut spec = definition
        .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
        .cloned()
        .context("a definition has a spec")?;
    close(&mut spec);
    let name = json!({"type": "string", "minLength": 1});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crewdeck-platform",
        "type": "object",
        "additionalProperties": false,
        "required": ["operator", "spec"],
        "properties": {
            "global": {"type": "object"},
            "operator": {
                "description": "Who runs it: the service account of the chart crewdeck-operator.",
                "type": "object",
                "additionalProperties": false,
                "required": ["serviceAccount", "namespace"],
                "properties": {"serviceAccount": name, "namespace": name},
            },
            "spec": spec,
        },
    });
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// Takes out what only Kubernetes reads, and refuses fields that are not named.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    members.retain(|key, _| !key.starts_with("x-kubernetes-") && key != "format");
    if members.contains_key("properties") {
        members.insert("additionalProperties".to_owned(), json!(false));
    }
    for key in ["properties", "items", "additionalProperties"] {
        match members.get_mut(key) {
            Some(Value::Object(inner)) if key == "properties" => inner.values_mut().for_each(close),
            Some(inner) => close(inner),
            None => {}
        }
    }
}

/// The definition as a template: kept on uninstall, and nothing in it is taken for one of Helm's actions.
fn template(yaml: &str) -> Result<String> {
    let escaped = yaml.replace("{{", "{{ \"{{\" }}");
    let (before, after) = escaped
        .split_once("\nmetadata:\n  annotations:\n")
        .context("a definition has annotations")?;
    Ok(format!(
        "{before}\nmetadata:\n  annotations:\n{KEEP}{after}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_kept_and_escaped() {
        let yaml = "kind: X\nmetadata:\n  annotations:\n    a: b\n  name: x\nspec:\n  description: '{{a}}'\n";
        assert_eq!(
            template(yaml).expect("a template"),
            "kind: X\nmetadata:\n  annotations:\n    helm.sh/resource-policy: keep\n    a: b\n  name: x\n\
             spec:\n  description: '{{ \"{{\" }}a}}'\n"
        );
    }

    #[test]
    fn a_definition_without_annotations_is_refused() {
        assert!(template("kind: X\nmetadata:\n  name: x\n").is_err());
    }
}
