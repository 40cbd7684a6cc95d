//! `data / error / meta`, on every answer of the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;

/// Every answer of the API: `data` or `error` is null, `meta` is always an object.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Envelope<T> {
    /// The result.
    pub data: Option<T>,
    /// What went wrong.
    pub error: Option<Problem>,
    /// About the result.
    pub meta: Meta,
}

/// What is said about a result.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Meta {
    /// Present on lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PageMeta>,
    /// Present, and true, when the request was only tried out: nothing was kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Where a list goes on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PageMeta {
    /// Pass it as `cursor` for the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> Envelope<T> {
    /// An answer with a result.
    pub fn of(data: T, meta: Meta) -> Self {
        Self {
            data: Some(data),
            error: None,
            meta,
        }
    }
}

impl Envelope<()> {
    /// An answer with an error.
    #[must_use]
    pub fn error(problem: Problem) -> Self {
        Self {
            data: None,
            error: Some(problem),
            meta: Meta::default(),
        }
    }
}
