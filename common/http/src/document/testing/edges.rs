//! The edges of what an operation takes: on this side of each the server takes it, on the other it does not.

use serde_json::{Value, json};

use super::sample::{body, plain, resolve};
use super::{Probe, Told};
use crate::testing::Answer;

/// The fields of the operation's body.
pub(super) fn properties(document: &Value, told: &Told) -> Vec<(String, Value)> {
    let schema = &told.operation["requestBody"]["content"]["application/json"]["schema"];
    let schema = resolve(document, schema);
    let object = match schema["allOf"].as_array() {
        Some(parts) => &parts[0],
        None => schema,
    };
    let fields = object["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

/// Asks with each value at an edge.
pub(super) async fn ask(probe: &Probe<'_>, told: &Told) {
    let whole = &told.operation["requestBody"]["content"]["application/json"]["schema"];
    // Of several fields one has to be there: the sample has it, and it cannot go.
    let one_of_several = resolve(probe.document, whole)["allOf"].is_array();
    for (name, schema) in properties(probe.document, told) {
        for (value, good) in of_body(probe.document, &schema) {
            let mut body = body(probe.document, told);
            if value.is_null() && one_of_several && !body[&name].is_null() {
                continue;
            }
            body[&name] = value.clone();
            let answer = probe.send(told, "", &[], &body).await;
            let errors = answer.body["error"]["errors"].as_array();
            let pointer = format!("/{name}");
            let refused = answer.status == 422
                && errors.is_some_and(|all| all.iter().any(|one| one["pointer"] == pointer));
            judge(probe, told, (&name, &value, good), refused, &answer);
        }
    }
    for (name, schema) in told.parameters("query") {
        for (value, good) in of_value(plain(probe.document, &schema), true) {
            let text = value.as_str().map_or(value.to_string(), ToOwned::to_owned);
            let query = format!("?{name}={}", text.replace(' ', "%20"));
            let answer = probe.send(told, &query, &[], &Value::Null).await;
            let refused = answer.body["error"]["code"] == "query_invalid";
            judge(probe, told, (&name, &value, good), refused, &answer);
        }
    }
}

fn judge(
    probe: &Probe<'_>,
    told: &Told,
    (name, value, good): (&str, &Value, bool),
    refused: bool,
    answer: &Answer,
) {
    let shown: String = value.to_string().chars().take(60).collect();
    let at = format!("{} {}: {name} = {shown}", told.method, told.path);
    assert_eq!(refused, !good, "{at}: {} {}", answer.status, answer.body);
    probe.is_told(&at, told, answer);
}

/// Values of a field; null too.
fn of_body(document: &Value, schema: &Value) -> Vec<(Value, bool)> {
    let whole = resolve(document, schema);
    let choices = whole["oneOf"].as_array().into_iter().flatten();
    let nullable = choices
        .chain([whole])
        .any(|one| one["type"] == "null" || one["type"] == json!(["string", "null"]));
    let mut all = of_value(plain(document, schema), false);
    all.push((Value::Null, nullable));
    all.push((json!([]), false));
    all
}

/// Values at the edges of a schema, each with whether it is inside. A number of a query has no fraction, not even `.0`.
fn of_value(schema: &Value, in_query: bool) -> Vec<(Value, bool)> {
    let mut all = Vec::new();
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let text = |length: u64| {
        let length = usize::try_from(length).unwrap_or_default();
        if pattern.contains('@') {
            json!(format!("a@{}", "b".repeat(length.saturating_sub(2))))
        } else {
            json!("x".repeat(length))
        }
    };
    if let Some(most) = schema["maxLength"].as_u64() {
        all.extend([(text(most), true), (text(most + 1), false)]);
        if pattern.contains(r"\u0000") {
            all.push((json!("a@\0b"), false));
        }
    }
    if let Some(least) = schema["minLength"].as_u64() {
        all.extend([(text(least), true), (text(least - 1), false)]);
    }
    if let Some(most) = schema["maximum"].as_i64() {
        all.extend([(json!(most), true), (json!(most + 1), false)]);
    }
    if let Some(least) = schema["minimum"].as_i64() {
        all.extend([(json!(least), true), (json!(least - 1), false)]);
    }
    if let Some(most) = schema["maximum"].as_f64() {
        all.extend([(json!(most), !in_query), (json!(most - 0.5), false)]);
    }
    for word in schema["enum"].as_array().into_iter().flatten() {
        all.push((word.clone(), true));
    }
    if schema["type"] == "boolean" && in_query {
        all.extend([(json!(true), true), (json!("maybe"), false)]);
    }
    let form = schema["format"].as_str();
    if schema["enum"].is_array() || matches!(form, Some("uuid" | "date-time")) {
        all.push((json!("another"), false));
    }
    if schema["format"] == "date-time" {
        all.push((json!("0001-01-01T00:00:00Z"), true));
        all.push((json!("0000-12-31T00:00:00Z"), false));
    }
    all
}
