//! Whether a document tells the truth: its routes against the router's, its operations against what a server answers.

mod check;
mod edges;
mod sample;

use std::collections::BTreeSet;

use axum::Router;
use axum::http::header;
use serde_json::{Value, json};

use crate::extract::tags::IF_NONE_MATCH;
use crate::testing::{Answer, request, send};
pub use check::check;
pub use sample::resolve;
use sample::{body, path};

/// Headers that a document has to tell of.
const TOLD: [&str; 11] = [
    "x-request-id",
    "etag",
    "retry-after",
    "location",
    "idempotent-replayed",
    "allow",
    "www-authenticate",
    "traceparent",
    "link",
    "deprecation",
    "sunset",
];

/// One operation of a document.
#[derive(Debug, Clone)]
pub struct Told {
    /// In capitals.
    pub method: String,
    /// As callers write it, with names of parameters.
    pub path: String,
    /// The operation object.
    pub operation: Value,
}

impl Told {
    /// Whether it needs a token.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.operation["security"] != json!([])
    }

    /// Whether it takes an [`Attempt`](crate::Attempt): it changes something, can be sent again and be tried out.
    #[must_use]
    pub fn is_write(&self) -> bool {
        let named = |place, name| self.parameters(place).iter().any(|(one, _)| one == name);
        named("header", "Idempotency-Key") && named("query", "dry_run")
    }

    /// Whether it sends nothing to a caller who holds it already.
    fn is_conditional(&self) -> bool {
        let headers = self.parameters("header");
        headers.iter().any(|(name, _)| name == IF_NONE_MATCH)
    }

    /// The parameters in this place, each with its name.
    fn parameters(&self, place: &str) -> Vec<(String, Value)> {
        let all = self.operation["parameters"].as_array();
        all.into_iter()
            .flatten()
            .filter(|one| one["in"] == place)
            .map(|one| {
                let name = one["name"].as_str().unwrap_or_default();
                (name.to_owned(), one["schema"].clone())
            })
            .collect()
    }
}

/// Every operation of the document.
#[must_use]
pub fn operations(document: &Value) -> Vec<Told> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(|(method, operation)| Told {
                method: method.to_uppercase(),
                path: path.clone(),
                operation: operation.clone(),
            })
        })
        .collect()
}

/// The paths that a router serves, as callers write them. axum tells them in its `Debug` alone.
#[must_use]
pub fn routes<S>(router: &Router<S>) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let own = text.split("fallback_router").next().unwrap_or_default();
    own.split('"')
        .filter(|part| part.starts_with('/'))
        .map(crate::public_path)
        .collect()
}

/// A server behind a document, asked with a good token.
pub struct Probe<'a> {
    /// The document.
    pub document: &'a Value,
    /// The server, layers and all.
    pub app: &'a Router,
    /// A token with every right.
    pub token: &'a str,
}

impl Probe<'_> {
    /// Asks an operation in every way that the layers and the extractors can refuse, and at each edge of what it takes;
    /// gives the statuses that it met.
    ///
    /// # Panics
    /// When an answer is not the one expected, or the document does not tell of it.
    pub async fn ask(&self, told: &Told) -> BTreeSet<u16> {
        let mut met = BTreeSet::new();
        for (what, expected, answer) in self.answers(told).await {
            let at = format!("{} {}: {what}", told.method, told.path);
            if let Some(expected) = expected {
                assert_eq!(answer.status, expected, "{at}: {}", answer.body);
            }
            self.is_told(&at, told, &answer);
            met.insert(answer.status);
        }
        edges::ask(self, told).await;
        self.other_method(told).await;
        met
    }

    async fn answers(&self, told: &Told) -> Vec<(&'static str, Option<u16>, Answer)> {
        let good = body(self.document, told);
        let mut all = Vec::new();
        if told.is_write() {
            let tried_out = self.send(told, "?dry_run=true", &[], &good).await;
            all.push(("tried out", None, tried_out));
        }
        let first = self.send(told, "", &[], &good).await;
        if told.is_conditional() && first.status == 200 {
            all.extend(self.held(told, first.header("etag")).await);
        }
        all.push(("good", None, first));
        if told.needs_token() {
            let path = path(self.document, told);
            let nobody = send(self.app, request(&told.method, &path, &[], &good)).await;
            all.push(("no token", Some(401), nobody));
        }
        if !told.parameters("query").is_empty() {
            let unknown = self.send(told, "?no_such_parameter=1", &[], &good).await;
            all.push(("unknown parameter", Some(400), unknown));
        }
        let long = "x".repeat(256);
        for (name, _) in told.parameters("header") {
            let wrong = [(name.as_str(), long.as_str())];
            // What is no list of tags names nothing that the caller holds.
            let expected = (name != IF_NONE_MATCH).then_some(400);
            let answer = self.send(told, "", &wrong, &good).await;
            all.push(("header", expected, answer));
        }
        for (name, _) in told.parameters("path") {
            let odd = Told {
                path: told.path.replace(&format!("{{{name}}}"), "no-id"),
                ..told.clone()
            };
            all.push(("odd path", Some(404), self.send(&odd, "", &[], &good).await));
        }
        if told.operation["requestBody"].is_object() {
            for (what, status, kind, body) in [
                (
                    "form",
                    415,
                    "application/x-www-form-urlencoded",
                    "a=b".to_owned(),
                ),
                ("syntax", 400, "application/json", "{".to_owned()),
                ("another type", 422, "application/json", "[]".to_owned()),
                ("unknown member", 422, "application/json", {
                    let mut more = good.clone();
                    more["no_such_member"] = json!(1);
                    more.to_string()
                }),
                (
                    "too long",
                    413,
                    "application/json",
                    format!("[\"{}\"]", "x".repeat(1 << 20)),
                ),
            ] {
                let mut request =
                    request(&told.method, &path(self.document, told), &[], &Value::Null);
                self.sign(&mut request);
                let kind = kind.parse().expect("a header");
                request.headers_mut().insert(header::CONTENT_TYPE, kind);
                *request.body_mut() = body.into();
                all.push((what, Some(status), send(self.app, request).await));
            }
        }
        all
    }

    /// A caller that holds what has this tag, and one that holds something else.
    async fn held(&self, told: &Told, tag: &str) -> [(&'static str, Option<u16>, Answer); 2] {
        let ask = async |tag: &str| {
            let held = [(IF_NONE_MATCH, tag)];
            self.send(told, "", &held, &Value::Null).await
        };
        let nothing = ask(tag).await;
        assert!(
            nothing.body.is_null() && nothing.header("etag") == tag,
            "{told:?}"
        );
        let whole = ask("\"another\"").await;
        [("held", Some(304), nothing), ("not held", Some(200), whole)]
    }

    /// A request with the token.
    async fn send(
        &self,
        told: &Told,
        query: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let path = path(self.document, told) + query;
        let mut request = request(&told.method, &path, headers, body);
        self.sign(&mut request);
        send(self.app, request).await
    }

    fn sign(&self, request: &mut axum::http::Request<axum::body::Body>) {
        let bearer = format!("Bearer {}", self.token);
        let bearer = bearer.parse().expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }

    /// The document tells of the status, and of the headers that came with it and no others that it calls for.
    fn is_told(&self, at: &str, told: &Told, answer: &Answer) {
        // Every operation tells these: they would pass for anything.
        assert!(answer.status < 500, "{at}: {}", answer.body);
        let status = answer.status.to_string();
        let known = &told.operation["responses"][&status];
        assert!(
            known.is_object(),
            "{at}: {status} is not told: {}",
            answer.body
        );
        let known = resolve(self.document, known);
        let named: BTreeSet<String> = known["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        for name in TOLD {
            let sent = answer.headers.contains_key(name);
            let may = !sent
                && match name {
                    // Sent with an answer that is given again, and not with the first.
                    "idempotent-replayed" => true,
                    // Of what only might be, there is no version.
                    "etag" => answer.body["meta"]["dry_run"] == true,
                    // Of the conflicts, one passes by itself.
                    "retry-after" => answer.status == 409,
                    _ => false,
                };
            assert!(
                sent == named.contains(name) || may,
                "{at}: {status} and {name}"
            );
        }
        let kind = answer.header("content-type");
        let content = &known["content"];
        assert!(
            content[kind].is_object() || (kind.is_empty() && content.is_null()),
            "{at}: {status} as {kind}"
        );
    }

    /// A method that the path does not have is refused, and the answer tells which it has.
    async fn other_method(&self, told: &Told) {
        let item = &self.document["paths"][&told.path];
        let has: BTreeSet<String> = item
            .as_object()
            .into_iter()
            .flatten()
            .map(|(method, _)| method.to_uppercase())
            .collect();
        for method in ["PUT", "DELETE", "OPTIONS", "TRACE", "GET", "POST", "PATCH"] {
            if has.contains(method) {
                continue;
            }
            let asked = Told {
                method: method.to_owned(),
                ..told.clone()
            };
            let answer = self.send(&asked, "", &[], &Value::Null).await;
            answer.refused(405, "method_not_allowed");
            let allowed = answer.header("allow").split(',');
            let allowed: BTreeSet<String> = allowed
                .filter(|method| *method != "HEAD")
                .map(ToOwned::to_owned)
                .collect();
            assert_eq!(allowed, has, "{method} {}", told.path);
        }
    }
}
