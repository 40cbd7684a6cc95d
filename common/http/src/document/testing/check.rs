//! What can be read in a document alone.

use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

use super::edges::{fields, properties};
use super::operations;
use super::sample::{is_of, plain, resolve};
use crate::DEPRECATIONS;
use crate::extract::tags::IF_NONE_MATCH;

/// Each operation has a tag that is described and one scheme, each refusal is one of
/// the shared ones, each text and each list of a request has a bound, and whoever holds what a `GET` gives can say so.
///
/// # Panics
/// When it is not so.
pub fn check(document: &Value, unbounded: &[&str]) {
    let described: Vec<&Value> = document["tags"].as_array().map_or(Vec::new(), |tags| {
        tags.iter().map(|tag| &tag["name"]).collect()
    });
    gone(document);
    for told in operations(document) {
        let at = format!("{} {}", told.method, told.path);
        let tags = told.operation["tags"].as_array().expect("tags");
        assert!(
            tags.len() == 1 && described.contains(&&tags[0]),
            "{at}: {tags:?}"
        );
        let answers = told.operation["responses"].as_object().expect("answers");
        let tag = &told.operation["responses"]["200"]["headers"]["ETag"];
        assert_eq!(
            told.is_conditional(),
            told.method == "GET" && tag.is_object(),
            "{at}: {IF_NONE_MATCH}"
        );
        for (status, answer) in answers {
            let whole = resolve(document, answer);
            assert!(
                whole["headers"]["X-Request-Id"].is_object(),
                "{at}: {status}"
            );
            assert!(
                whole["headers"]["traceparent"].is_object(),
                "{at}: {status}"
            );
            if status.as_str() >= "400" {
                let schema = &whole["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(*schema, "#/components/schemas/Fault", "{at}: {status}");
            }
        }
        let mut inputs = properties(document, &told);
        inputs.extend(told.parameters("query"));
        inputs.extend(told.parameters("header"));
        for (name, schema) in inputs {
            if !unbounded.contains(&name.as_str()) {
                bounded(document, &format!("{at}: {name}"), &schema);
            }
        }
    }
}

/// Each text and each list in it has a bound.
fn bounded(document: &Value, at: &str, schema: &Value) {
    let schema = plain(document, schema);
    for (name, field) in fields(schema) {
        bounded(document, &format!("{at}/{name}"), &field);
    }
    let told = |words: &[&str]| words.iter().any(|word| !schema[*word].is_null());
    if is_of(schema, "array") {
        assert!(told(&["maxItems"]), "{at} has no bound: {schema}");
        bounded(document, &format!("{at}/0"), &schema["items"]);
    }
    if is_of(schema, "string") {
        let pattern = schema["pattern"].as_str();
        let ends =
            pattern.is_some_and(|pattern| !pattern.contains("]*") && !pattern.contains("]+"));
        let has_end = ends || told(&["maxLength", "enum", "format"]);
        assert!(has_end, "{at} has no bound: {schema}");
    }
}

/// What will be gone names what does the same, its callers have half a year, and there is a list of it.
fn gone(document: &Value) {
    for told in operations(document) {
        if told.operation["deprecated"] != true {
            continue;
        }
        let at = format!("{} {}", told.method, told.path);
        let until = &told.operation["x-deprecation"];
        let day = |name: &str| -> NaiveDate {
            let text = until[name].as_str().expect(&at);
            text.parse().expect(&at)
        };
        assert!(
            day("sunset") - day("since") >= TimeDelta::days(180),
            "{at}: {until}"
        );
        for path in [until["instead"].as_str().expect(&at), DEPRECATIONS] {
            let item = &document["paths"][path];
            assert!(item.is_object(), "{at}: there is no {path}");
        }
    }
}
