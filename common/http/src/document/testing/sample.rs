//! Values that a schema allows.

use serde_json::{Map, Value, json};

use super::Told;

/// What a reference names, or the value itself.
///
/// # Panics
/// When it names nothing.
#[must_use]
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(place) = value["$ref"].as_str() else {
        return value;
    };
    let place = place.trim_start_matches('#');
    document.pointer(place).expect(place)
}

/// The schema without references, and without the choice to be null.
pub(super) fn plain<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = resolve(document, schema);
    match schema["oneOf"].as_array() {
        Some(choices) => {
            let real = choices.iter().find(|one| one["type"] != "null");
            plain(document, real.expect("a choice"))
        }
        None => schema,
    }
}

/// A value that the schema allows: of an object what it has to have.
pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    let schema = plain(document, schema);
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = sample(document, &parts[0]);
        let choice = &parts[1]["oneOf"][0]["required"][0];
        let name = choice.as_str().expect("a field to choose");
        whole[name] = sample(document, &parts[0]["properties"][name]);
        return whole;
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required = schema["required"].as_array().into_iter().flatten();
        let fields = required.map(|name| {
            let name = name.as_str().unwrap_or_default();
            (name.to_owned(), sample(document, &properties[name]))
        });
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    let given = [
        &schema["examples"][0],
        &schema["example"],
        &schema["enum"][0],
    ];
    if let Some(given) = given.into_iter().find(|value| !value.is_null()) {
        return given.clone();
    }
    match schema["format"].as_str() {
        Some("uuid") => json!("00000000-0000-4000-8000-000000000001"),
        _ if schema["type"] == "string" => json!("x"),
        _ if schema["type"] == "boolean" => json!(false),
        _ => schema["minimum"].clone(),
    }
}

/// The operation's path with a value for each parameter.
pub(super) fn path(document: &Value, told: &Told) -> String {
    let parameters = told.parameters("path");
    parameters
        .iter()
        .fold(told.path.clone(), |path, (name, schema)| {
            let value = sample(document, schema);
            path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
        })
}

/// A body for the operation; null where it takes none.
pub(super) fn body(document: &Value, told: &Told) -> Value {
    let schema = &told.operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return Value::Null;
    }
    sample(document, schema)
}
