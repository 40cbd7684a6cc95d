//! What the document tells of every operation that takes [`IfNoneMatch`](crate::IfNoneMatch).

use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;

use super::takes;
use crate::extract::tags::IF_NONE_MATCH;

/// Whether the operation sends nothing to a caller who holds it already.
pub(super) fn is_one(operation: &Operation) -> bool {
    takes(operation, IF_NONE_MATCH)
}

/// Adds the answer to such a caller, unless the operation has told it itself.
pub(super) fn tell(operation: &mut Operation) {
    if !is_one(operation) {
        return;
    }
    let held = ResponseBuilder::new()
        .description("Nothing: the caller holds it, as `If-None-Match` says")
        .build();
    let answers = &mut operation.responses.responses;
    answers
        .entry("304".to_owned())
        .or_insert_with(|| RefOr::T(held));
}
