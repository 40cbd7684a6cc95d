//! The HTTP surface that all APIs share: envelope, problems, extractors, pages, changes, layers.
//!
//! The only place where an error becomes a status (RFC 9457) and where the envelope
//! `data / error / meta` is written. Knows no domain.

mod config;
pub mod cursor;
mod deprecation;
pub mod document;
mod envelope;
mod error;
mod extract;
mod form;
mod fresh;
pub mod idempotency;
mod layers;
mod page;
pub mod patch;
mod problem;
mod reply;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
mod verb;
mod whole;
mod write;

pub use config::HttpConfig;
pub use cursor::CursorKey;
pub use deprecation::{DEPRECATIONS, DeprecatedOperation, Deprecation, deprecated, deprecations};
pub use envelope::{Envelope, Meta, PageMeta};
pub use error::{ApiError, ApiResult, Kind};
pub use extract::{IfMatch, IfNoneMatch, Json, Path, Principal, Query, RequestId};
pub use fresh::{Fresh, PageState};
pub use layers::{ClientAddress, standard};
pub use page::{Cursor, Limit, PageQuery};
pub use problem::{FieldChange, Problem, Violation};
pub use reply::{Reply, etag};
pub use text::TextRule;
pub use verb::{public_path, rewrite_verbs};
pub use whole::{optional_whole, whole};
pub use write::{Attempt, Effect, Written};
