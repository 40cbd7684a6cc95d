//! Extractors whose rejections are problems in the envelope.

pub(crate) mod headers;
mod json;
mod path;
mod principal;
mod query;
pub(crate) mod tags;

pub use headers::RequestId;
pub use json::Json;
pub use path::Path;
pub(crate) use principal::Identity;
pub use principal::Principal;
pub use query::Query;
pub use tags::{IfMatch, IfNoneMatch};
