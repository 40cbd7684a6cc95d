//! Where a verifier gets its keys: a mounted file, or a URL.

mod file;
mod http;

use std::time::Duration;

use async_trait::async_trait;

pub use file::FileSource;
pub use http::HttpSource;

use crate::{KeySet, SourceError};

/// What a look at the source brought.
#[derive(Debug)]
pub enum Refresh {
    /// Nothing new.
    Unchanged,
    /// A new set.
    Changed(KeySet),
}

/// A place that key sets come from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The set, if it differs from what this source gave last.
    async fn refresh(&self) -> Result<Refresh, SourceError>;

    /// Shortest time between two looks, so that unknown kids cannot be used to flood the source.
    fn pause(&self) -> Duration;

    /// How long a set may be used without a successful look; `None` for a mounted file, which has
    /// no such end.
    fn hard_life(&self) -> Option<Duration>;
}
