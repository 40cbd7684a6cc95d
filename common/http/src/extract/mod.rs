//! Extractors whose rejections are problems in the envelope.

mod headers;
mod json;
mod path;
mod principal;
mod query;

pub use headers::{IdempotencyKey, IfMatch, IfNoneMatch, RequestId};
pub use json::Json;
pub use path::Path;
pub use principal::Principal;
pub use query::Query;
