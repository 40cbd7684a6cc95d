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

/// Whether the schema, without references, is of values of this type; they may be null too.
pub(super) fn is_of(schema: &Value, kind: &str) -> bool {
    let told = &schema["type"];
    told == kind
        || told
            .as_array()
            .is_some_and(|all| all.contains(&json!(kind)))
}

/// A value that the schema allows: of an object what it has to have, of a list as few as it may have.
pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    let schema = plain(document, schema);
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = sample(document, &parts[0]);
        let choice = &parts[1]["oneOf"][0]["required"][0];
        let name = choice.as_str().expect("a field to choose");
        whole[name] = sample(document, &parts[0]["properties"][name]);
        return whole;
    }
    if is_of(schema, "array") {
        return list(
            document,
            schema,
            schema["minItems"].as_u64().unwrap_or_default(),
        );
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
        Some("uuid") => uuid(0),
        _ if is_of(schema, "string") => json!("x"),
        _ if is_of(schema, "boolean") => json!(false),
        _ => schema["minimum"].clone(),
    }
}

/// A list of so many values, which differ where the schema wants that.
pub(super) fn list(document: &Value, schema: &Value, length: u64) -> Value {
    let items = plain(document, &schema["items"]);
    let one = |number| {
        if schema["uniqueItems"] == true {
            another(items, number)
        } else {
            sample(document, items)
        }
    };
    (0..length).map(one).collect()
}

/// Of the values that the schema allows this one, which is none of the others.
///
/// # Panics
/// When it does not know how to tell two of them apart.
fn another(schema: &Value, number: u64) -> Value {
    if let Some(words) = schema["enum"].as_array() {
        // When there are no more, from the beginning: what has too many is refused for either.
        let at = usize::try_from(number).unwrap_or_default() % words.len();
        return words[at].clone();
    }
    assert_eq!(schema["format"], "uuid", "a sample of different {schema}");
    uuid(number)
}

fn uuid(number: u64) -> Value {
    json!(format!("00000000-0000-4000-8000-{:012x}", number + 1))
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
