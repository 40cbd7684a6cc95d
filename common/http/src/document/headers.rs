//! Headers of answers as the document tells them.

use serde_json::Value;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, Ref, RefOr};

use super::{answers, reads, takes, writes};
use crate::Kind;

const REQUEST: &str = "X-Request-Id";
const ETAG: &str = "ETag";
const RETRY: &str = "Retry-After";
const LOCATION: &str = "Location";
const REPLAYED: &str = "Idempotent-Replayed";
const ALLOW: &str = "Allow";
const CHALLENGE: &str = "WWW-Authenticate";
const TRACE: &str = "traceparent";
const LINK: &str = "Link";
const DEPRECATION: &str = "Deprecation";
const SUNSET: &str = "Sunset";
const LIMIT: &str = "RateLimit";
const POLICY: &str = "RateLimit-Policy";

/// Sent with every answer.
pub(super) const ALWAYS: [&str; 4] = [REQUEST, TRACE, LIMIT, POLICY];

/// Each header with what it says, its shape and an example.
const ALL: [(&str, &str, Option<&str>, &str); 13] = [
    (
        REQUEST,
        "Name of the request in our log: the caller's own, if it is a plain word",
        Some("^[A-Za-z0-9._-]{1,100}$"),
        "0195c9a2-6f0e-7cc0-b1a5-3f6f3c1f9c11",
    ),
    (
        ETAG,
        "For `If-None-Match`. Of one thing it begins with its version, which is all that `If-Match` looks at; what follows tells whom it was made for and in which form it is shown",
        Some(r#"^(W/)?"[0-9A-Za-z._-]+"$"#),
        "\"3.q1XfTR9w\"",
    ),
    (RETRY, "Seconds to wait", Some("^[0-9]+$"), "3"),
    (
        LOCATION,
        "Where it is",
        Some("^/"),
        "/api/v1/tasks/0195c9a2-6f0e-7cc0-b1a5-3f6f3c1f9c11",
    ),
    (
        REPLAYED,
        "Sent when this is the answer to a former request with the same `Idempotency-Key`",
        Some("^true$"),
        "true",
    ),
    (ALLOW, "The methods that the path has", None, "GET,HEAD"),
    (CHALLENGE, "The kind of token", Some("^Bearer$"), "Bearer"),
    (
        TRACE,
        "The request's span in the trace that its caller named with the same header, or in a new one (W3C Trace Context)",
        Some("^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$"),
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    (
        LINK,
        "Other places (RFC 8288): of a list its `first` page and the `next`, of what will be gone its `successor-version`",
        Some("^<"),
        "</api/v1/tasks?limit=50>; rel=\"first\"",
    ),
    (
        DEPRECATION,
        "The second, since 1970, from which nobody should begin to use this (RFC 9745)",
        Some("^@[0-9]+$"),
        "@1795996800",
    ),
    (
        SUNSET,
        "The time from which this may be gone (RFC 8594)",
        Some("GMT$"),
        "Tue, 30 Nov 2027 00:00:00 GMT",
    ),
    (
        POLICY,
        "The limit that the request counts for: so many in `w` seconds. A user has one for what reads and one for what changes \
         something; `anonymous` is that of all who come from one network without a valid token. What is not sent because the \
         caller holds it costs nothing",
        Some(r#"^"(read|write|anonymous)";q=[0-9]+;w=60$"#),
        "\"read\";q=1200;w=60",
    ),
    (
        LIMIT,
        "What is left of it, about, and the seconds after which it is whole again",
        Some(r#"^"(read|write|anonymous)";r=[0-9]+;t=[0-9]+$"#),
        "\"read\";r=1199;t=58",
    ),
];

/// Adds every header.
pub(super) fn add_to(components: &mut Components) {
    components
        .headers
        .extend(ALL.map(|(name, about, pattern, example)| {
            let schema = ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(pattern)
                .examples([example]);
            let header = HeaderBuilder::new()
                .description(Some(about))
                .schema(Some(schema))
                .build();
            (name.to_owned(), RefOr::T(header))
        }));
}

/// The header of that name.
pub(super) fn reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

/// What a refusal of that kind is sent with.
pub(super) fn of(kind: Kind) -> Vec<&'static str> {
    let own: &[&str] = match kind {
        Kind::Unauthorized => &[CHALLENGE],
        Kind::MethodNotAllowed => &[ALLOW],
        Kind::PreconditionFailed => &[ETAG],
        Kind::Conflict | Kind::RateLimited | Kind::Unavailable => &[RETRY],
        _ => &[],
    };
    [&ALWAYS, own].concat()
}

/// Tells that the answer is sent with these, unless the operation has said something of its own about them.
pub(super) fn add(response: &mut Response, names: &[&str]) {
    for name in names {
        response
            .headers
            .entry((*name).to_owned())
            .or_insert_with(|| reference(name));
    }
}

/// Tells that every answer of the operation says when it will be gone; the shared refusals are of no use to it.
pub(super) fn tell_deprecation(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::Ref(shared), Some(kind)) = (&*response, Kind::of(status)) {
            let mut whole = answers::answer(kind);
            if !shared.description.is_empty() {
                whole.description.clone_from(&shared.description);
            }
            *response = RefOr::T(whole);
        }
        if let RefOr::T(response) = response {
            add(response, &[DEPRECATION, SUNSET, LINK]);
        }
    }
}

/// Tells what the operation's successes are sent with: what is made has a place, what has a version tells it, what can be
/// asked for again says whether it was, and a page links to others.
pub(super) fn tell(operation: &mut Operation, schemas: &Value) {
    let (again, pages) = (writes::is_one(operation), takes(operation, "cursor"));
    let conditional = reads::is_one(operation);
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        if Kind::of(status).is_some() {
            continue;
        }
        let told = [
            (LOCATION, status == "201"),
            (ETAG, conditional || is_versioned(response, schemas)),
            (REPLAYED, again),
            (LINK, pages && status == "200"),
        ];
        let sent = told
            .into_iter()
            .filter_map(|(name, sent)| sent.then_some(name));
        add(response, &ALWAYS);
        add(response, &sent.collect::<Vec<_>>());
    }
}

/// Whether the envelope's `data` is one thing with a `version`; `schemas` are those of the document by name.
fn is_versioned(response: &Response, schemas: &Value) -> bool {
    let follow = |value: &Value| match value["$ref"].as_str() {
        Some(place) => {
            let name = place.rsplit('/').next().unwrap_or_default();
            schemas[name].clone()
        }
        None => value.clone(),
    };
    response.content.values().any(|content| {
        let content = serde_json::to_value(content).unwrap_or_default();
        let data = follow(&content["schema"])["properties"]["data"].clone();
        let choices = data["oneOf"].as_array().cloned().unwrap_or_default();
        std::iter::once(data)
            .chain(choices)
            .any(|data| follow(&data)["properties"]["version"].is_object())
    })
}
