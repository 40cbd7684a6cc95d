//! What the document tells of every operation that takes an [`Attempt`](crate::Attempt).

use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;

use super::{headers, takes};
use crate::Kind;

/// Whether the operation takes an `Attempt`: of its parameters, this one is nobody else's.
pub(super) fn is_one(operation: &Operation) -> bool {
    takes(operation, "Idempotency-Key")
}

/// Adds the answer to a request that is tried out, where it is not the usual one.
pub(super) fn tell(operation: &mut Operation) {
    if !is_one(operation) {
        return;
    }
    let answers = &mut operation.responses.responses;
    let Some(RefOr::T(made)) = answers.get("201") else {
        return;
    };
    let mut tried_out = made.clone();
    "What would have been made, with `dry_run`".clone_into(&mut tried_out.description);
    let always = |name: &str| headers::ALWAYS.contains(&name);
    tried_out.headers.retain(|name, _| always(name));
    answers.insert("200".to_owned(), RefOr::T(tried_out));
}

/// What a refusal of that kind can be besides the operation's own.
pub(super) fn with_shared(kind: Kind, own: &str) -> String {
    match kind {
        Kind::Conflict => format!("{own}, `idempotency_key_in_flight`"),
        Kind::Invalid => format!("{own}, `idempotency_key_reused`"),
        _ => own.to_owned(),
    }
}
