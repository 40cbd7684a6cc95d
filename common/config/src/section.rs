//! The contract between a crate and its part of the configuration.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// One section of the configuration, e.g. `[database]`.
///
/// Implementors carry `#[serde(deny_unknown_fields)]` and a default for every key that has one;
/// the JSON Schema names the keys for suggestions and for the published schema.
pub trait AppConfig: DeserializeOwned + JsonSchema {
    /// The name of the section in the file, and (in capitals) in the environment.
    const SECTION: &'static str;
}

/// The keys that `T` knows, from its schema.
pub(crate) fn keys_of<T: AppConfig>() -> Vec<String> {
    let schema = schemars::schema_for!(T);
    schema
        .as_value()
        .get("properties")
        .and_then(|properties| properties.as_object())
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}
