//! The definition of the resource as it is installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt as _;

use crate::Platform;

/// Annotation of the definition that tells which schema it holds.
pub const GENERATION_ANNOTATION: &str = "crewdeck.io/schema-generation";

/// Raised with each change of the schema: an operator refuses to start on an older one, whose server would
/// drop fields the operator relies on.
pub const SCHEMA_GENERATION: u32 = 3;

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
