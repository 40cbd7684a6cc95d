//! The edges of what an operation takes: on this side of each the server takes it, on the other it does not.

use serde_json::{Value, json};

use super::sample::{body, is_of, list, plain, resolve, sample};
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
    fields(object)
}

/// The fields of an object.
pub(super) fn fields(object: &Value) -> Vec<(String, Value)> {
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
        for edge in of_field(probe.document, &schema) {
            let edge = edge.within(&name);
            let mut body = body(probe.document, told);
            if edge.value.is_null() && one_of_several && !body[&name].is_null() {
                continue;
            }
            body[&name] = edge.value.clone();
            let answer = probe.send(told, "", &[], &body).await;
            let errors = answer.body["error"]["errors"].as_array();
            let refused = answer.status == 422
                && errors.is_some_and(|all| all.iter().any(|one| one["pointer"] == edge.pointer));
            judge(probe, told, &edge, refused, &answer);
        }
    }
    for (name, schema) in told.parameters("query") {
        for edge in of_value(plain(probe.document, &schema), true) {
            let edge = edge.within(&name);
            let value = &edge.value;
            let text = value.as_str().map_or(value.to_string(), ToOwned::to_owned);
            let query = format!("?{name}={}", text.replace(' ', "%20"));
            let answer = probe.send(told, &query, &[], &Value::Null).await;
            let refused = answer.body["error"]["code"] == "query_invalid";
            judge(probe, told, &edge, refused, &answer);
        }
    }
}

fn judge(probe: &Probe<'_>, told: &Told, edge: &Edge, refused: bool, answer: &Answer) {
    let shown: String = edge.value.to_string().chars().take(60).collect();
    let at = format!("{} {}: {} = {shown}", told.method, told.path, edge.pointer);
    assert_eq!(
        refused, !edge.good,
        "{at}: {} {}",
        answer.status, answer.body
    );
    probe.is_told(&at, told, answer);
}

/// A value at an edge.
struct Edge {
    /// Where in it the edge is.
    pointer: String,
    value: Value,
    /// Whether it is inside.
    good: bool,
}

impl Edge {
    fn of((value, good): (Value, bool)) -> Self {
        Self {
            pointer: String::new(),
            value,
            good,
        }
    }

    /// The same as a part of something.
    fn within(self, part: &str) -> Self {
        Self {
            pointer: format!("/{part}{}", self.pointer),
            ..self
        }
    }
}

/// Values of a field or of an item of a list; null and another type too.
fn of_field(document: &Value, schema: &Value) -> Vec<Edge> {
    let whole = resolve(document, schema);
    let choices = whole["oneOf"].as_array().into_iter().flatten();
    let nullable = choices.chain([whole]).any(|one| is_of(one, "null"));
    let schema = plain(document, schema);
    let (mut all, other) = if is_of(schema, "array") {
        (of_list(document, schema), json!({}))
    } else if schema["properties"].is_object() {
        (of_object(document, schema), json!([]))
    } else {
        (of_value(schema, false), json!([]))
    };
    all.push(Edge::of((Value::Null, nullable)));
    all.push(Edge::of((other, false)));
    all
}

/// Objects with each of their fields at an edge.
fn of_object(document: &Value, schema: &Value) -> Vec<Edge> {
    let of_one = |(name, field): &(String, Value)| {
        let whole = |edge: Edge| {
            let mut object = sample(document, schema);
            object[name] = edge.value.clone();
            Edge {
                value: object,
                ..edge.within(name)
            }
        };
        of_field(document, field)
            .into_iter()
            .map(whole)
            .collect::<Vec<_>>()
    };
    fields(schema).iter().flat_map(of_one).collect()
}

/// Lists as short and as long as they may be, with one item twice, and with their first item at each of its own edges.
fn of_list(document: &Value, schema: &Value) -> Vec<Edge> {
    let of_length = |length| list(document, schema, length);
    let (least, most) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
    let mut all = vec![(of_length(least.unwrap_or_default()), true)];
    all.extend(least.map(|least| (of_length(least.saturating_sub(1)), least == 0)));
    if let Some(most) = most {
        all.extend([(of_length(most), true), (of_length(most + 1), false)]);
    }
    if schema["uniqueItems"] == true {
        let one = &of_length(1)[0];
        all.push((json!([one, one]), false));
    }
    let whole = |edge: Edge| {
        let mut items = of_length(least.unwrap_or_default().max(1));
        items[0] = edge.value.clone();
        Edge {
            value: items,
            ..edge.within("0")
        }
    };
    let of_items = of_field(document, &schema["items"]);
    let all = all.into_iter().map(Edge::of);
    all.chain(of_items.into_iter().map(whole)).collect()
}

/// Values at the edges of a schema, each with whether it is inside. A number of a query has no fraction, not even `.0`.
fn of_value(schema: &Value, in_query: bool) -> Vec<Edge> {
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
    all.into_iter().map(Edge::of).collect()
}
