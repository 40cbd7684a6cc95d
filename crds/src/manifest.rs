//! The definition of the resource as it is installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;

use crate::Platform;

/// Annotation of the definition that tells which schema it holds.
pub const GENERATION_ANNOTATION: &str = "crewdeck.io/schema-generation";

/// Raised with each change of the schema: an operator refuses to start on an older one, whose server would
/// drop fields the operator relies on.
pub const SCHEMA_GENERATION: u32 = 6;

/// Fields that have a form of Kubernetes' own: `kubectl explain pod.spec` tells what is in them.
const OF_KUBERNETES: [&str; 3] = ["affinity", "tolerations", "topologySpreadConstraints"];
/// Entries of a list or map that names no bound of its own.
const ENTRIES: i64 = 64;
/// Characters of a text that names no bound of its own.
const CHARACTERS: i64 = 4_096;

/// The definition of `Platform`.
#[must_use]
pub fn definition() -> CustomResourceDefinition {
    let mut crd = Platform::crd();
    crd.metadata.annotations.get_or_insert_default().insert(
        GENERATION_ANNOTATION.to_owned(),
        SCHEMA_GENERATION.to_string(),
    );
    for version in &mut crd.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            refuse_null(schema);
            if let Some(spec) = schema.properties.get_or_insert_default().get_mut("spec") {
                bound(spec);
            }
        }
    }
    crd
}

/// File name and YAML of each definition.
///
/// # Panics
/// Never: a definition is made of maps with string keys, which YAML can hold.
#[must_use]
pub fn manifests() -> Vec<(&'static str, String)> {
    let yaml = serde_yaml::to_string(&definition())
        .expect("a definition is made of maps with string keys");
    vec![("platforms.crewdeck.io.yaml", yaml)]
}

/// Takes `nullable` out, all the way down: a resource is refused for a null instead of having it read as
/// absent.
fn refuse_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema.properties.iter_mut().flatten() {
        refuse_null(property.1);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => refuse_null(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(refuse_null),
        None => {}
    }
}

/// Bounds everything that names no bound, as the types of Kubernetes do, and says of each list how it is merged.
fn bound(schema: &mut JSONSchemaProps) {
    match schema.type_.as_deref() {
        Some("string") if schema.enum_.is_none() => {
            schema.max_length.get_or_insert(CHARACTERS);
        }
        Some("array") => {
            schema.max_items.get_or_insert(ENTRIES);
            schema
                .x_kubernetes_list_type
                .get_or_insert_with(|| "atomic".to_owned());
        }
        _ => {}
    }
    for (name, property) in schema.properties.iter_mut().flatten() {
        bound(property);
        if OF_KUBERNETES.contains(&name.as_str()) {
            let description = property.description.take();
            strip(property);
            property.description = description;
        }
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        bound(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        schema.max_properties.get_or_insert(ENTRIES);
        bound(values);
        // The map says what its values are; a quantity's own words are three pages.
        strip(values);
    }
}

/// Takes the words out of what Kubernetes explains itself: for seven templates they would be most of the definition.
fn strip(schema: &mut JSONSchemaProps) {
    schema.description = None;
    for property in schema.properties.iter_mut().flatten() {
        strip(property.1);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        strip(items);
    }
}
