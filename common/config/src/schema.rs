//! The JSON Schema of a configuration file, for editors and for the list of sections that exist.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{AppConfig, newer};

/// Collects sections into one schema (JSON Schema 2020-12).
#[derive(Debug)]
pub struct FileSchema {
    generator: SchemaGenerator,
    sections: Map<String, Value>,
}

impl FileSchema {
    /// A file without sections.
    #[must_use]
    pub fn new() -> Self {
        Self {
            generator: SchemaSettings::draft2020_12().into_generator(),
            sections: Map::new(),
        }
    }

    /// Adds a section.
    #[must_use]
    pub fn with<T: AppConfig>(mut self) -> Self {
        let mut section = T::json_schema(&mut self.generator).to_value();
        admit_files(&mut section);
        self.sections.insert(T::SECTION.to_owned(), section);
        self
    }

    /// The sections, by name.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    /// The keys of a section, each secret `url` as `url_file` too; `None` of one that does not exist.
    pub(crate) fn keys(&self, section: &str) -> Option<Vec<&str>> {
        let properties = self.sections.get(section)?["properties"].as_object();
        let keys = properties.into_iter().flat_map(Map::keys);
        Some(keys.map(String::as_str).collect())
    }

    /// The whole schema.
    #[must_use]
    pub fn finish(mut self) -> Value {
        self.sections.insert(
            newer::NAME.to_owned(),
            json!({
                "description": "Number of the keys, which the operator writes: in a file with a higher number than the program's own, keys that it does not know are passed over.",
                "type": "integer",
                "minimum": 1,
            }),
        );
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Configuration of crewdeck",
            "type": "object",
            "properties": self.sections,
            "additionalProperties": false,
            "$defs": self.generator.take_definitions(true),
        })
    }
}

impl Default for FileSchema {
    fn default() -> Self {
        Self::new()
    }
}

/// Beside each secret `url` the file may have `url_file`: the loader turns it into a reference.
fn admit_files(section: &mut Value) {
    let Some(properties) = section["properties"].as_object_mut() else {
        return;
    };
    let secrets: Vec<String> = properties
        .iter()
        .filter(|(_, schema)| schema.to_string().contains("#/$defs/SecretRef"))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &secrets {
        properties.insert(
            format!("{key}_file"),
            json!({"description": format!("File with the value of `{key}`; read again when it changes."), "type": "string"}),
        );
    }
    // One of the two is enough where one is required.
    let Some(required) = section["required"].as_array_mut() else {
        return;
    };
    let either: Vec<Value> = secrets
        .iter()
        .filter(|key| required.contains(&json!(key)))
        .map(|key| json!({"anyOf": [{"required": [key]}, {"required": [format!("{key}_file")]}]}))
        .collect();
    required.retain(|key| !secrets.iter().any(|secret| key == secret));
    if !either.is_empty() {
        section["allOf"] = either.into();
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;
    use crate::SecretRef;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the schema alone is looked at")]
    struct Sample {
        /// Where it is.
        url: SecretRef,
        /// How many.
        #[serde(default)]
        most: u32,
        name: String,
    }

    impl AppConfig for Sample {
        const SECTION: &'static str = "sample";
    }

    #[test]
    fn a_secret_may_be_a_file() {
        let schema = FileSchema::new().with::<Sample>();
        assert_eq!(schema.sections().collect::<Vec<_>>(), ["sample"]);
        let keys = schema.keys("sample").expect("it exists");
        assert!(
            keys.contains(&"url") && keys.contains(&"url_file"),
            "{keys:?}"
        );
        assert_eq!(schema.keys("smaple"), None);
        let schema = schema.finish();
        let sample = &schema["properties"]["sample"];
        assert_eq!(sample["properties"]["url_file"]["type"], "string");
        assert_eq!(sample["required"], json!(["name"]));
        assert_eq!(
            sample["allOf"][0]["anyOf"][1],
            json!({"required": ["url_file"]})
        );
        assert_eq!(sample["additionalProperties"], false);
        assert!(schema["$defs"]["SecretRef"].is_object());
        assert!(sample["properties"]["most_file"].is_null());
    }
}
