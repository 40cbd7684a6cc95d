//! Refusals as the document tells them: one schema for all, in the two forms that a caller can ask for.

use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::headers;
use crate::{FieldChange, Kind, Meta, Problem, Violation};

/// An answer with an error.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it has a shape, and no values: an envelope is what is sent"
)]
struct Fault {
    #[schema(schema_with = null)]
    data: (),
    error: Problem,
    meta: Meta,
}

fn null() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Null)
        .description(Some("Nothing"))
}

/// Adds the schemas and one answer of each kind.
pub(super) fn add_to(components: &mut Components) {
    let mut schemas = vec![
        (Fault::name().into_owned(), Fault::schema()),
        (Problem::name().into_owned(), Problem::schema()),
        (Violation::name().into_owned(), Violation::schema()),
        (FieldChange::name().into_owned(), FieldChange::schema()),
    ];
    Fault::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let answers = Kind::ALL.map(|kind| (name(kind), RefOr::T(answer(kind))));
    components.responses.extend(answers);
}

/// The answer of that kind; `own` is what the operation says of it.
pub(super) fn reference(kind: Kind, own: &str) -> RefOr<Response> {
    let mut reference = Ref::new(format!("#/components/responses/{}", name(kind)));
    own.clone_into(&mut reference.description);
    RefOr::Ref(reference)
}

fn name(kind: Kind) -> String {
    format!("{kind:?}")
}

/// The answer of that kind in full.
pub(super) fn answer(kind: Kind) -> Response {
    let body = |name: &str| {
        let schema = Ref::from_schema_name(name);
        ContentBuilder::new().schema(Some(schema)).build()
    };
    let mut answer = ResponseBuilder::new()
        .description(format!("{}: {}", kind.title(), codes(kind)))
        .content("application/json", body("Fault"))
        .content("application/problem+json", body("Problem"))
        .build();
    headers::add(&mut answer, &headers::of(kind));
    answer
}

/// What the shared layers and extractors say; an operation tells its own codes itself.
fn codes(kind: Kind) -> &'static str {
    match kind {
        Kind::BadRequest => {
            "`query_invalid`, `json_syntax`, `body_unreadable`, `etag_invalid`, `idempotency_key_invalid`"
        }
        Kind::Unauthorized => "`unauthorized`",
        Kind::Forbidden => "`forbidden`",
        Kind::NotFound => "`not_found`: it does not exist, or the caller may not see it",
        Kind::MethodNotAllowed => {
            "`method_not_allowed`, which every path answers to a method that it does not have"
        }
        Kind::Conflict => {
            "`idempotency_key_in_flight`, with `Retry-After`: the first request with the key is still at work; the operation tells \
             which others"
        }
        Kind::PreconditionFailed => {
            "`version_mismatch`: `changes` tells the fields that differ from the version that the caller saw"
        }
        Kind::TooLarge => "`body_too_large`",
        Kind::UnsupportedMediaType => "`unsupported_media_type`",
        Kind::Invalid => "`validation_failed`, `idempotency_key_reused`",
        Kind::RateLimited => {
            "`rate_limited`: the caller has sent as many requests as they may in a minute"
        }
        Kind::Internal => "`internal`: our fault; the request's id leads to it",
        Kind::Unavailable => "`unavailable`: something that we need does not answer",
        Kind::Timeout => "`timeout`: it was given up, and may have taken effect",
    }
}
