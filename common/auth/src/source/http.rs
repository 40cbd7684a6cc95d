//! Keys from a URL, for verifiers outside the platform.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use common_outbound::Outbound;

use super::{KeySource, Refresh};
use crate::key_set::KeySetError;
use crate::{KeySet, SourceError};

/// The key set at a URL, fetched with its `ETag`.
#[derive(Debug)]
pub struct HttpSource {
    url: String,
    client: Outbound,
    etag: Mutex<Option<String>>,
}

impl HttpSource {
    /// The source at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>, client: Outbound) -> Self {
        Self {
            url: url.into(),
            client,
            etag: Mutex::default(),
        }
    }
}

#[async_trait]
impl KeySource for HttpSource {
    async fn refresh(&self) -> Result<Refresh, SourceError> {
        let etag = self
            .etag
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let answer = self.client.get(&self.url, etag.as_deref()).await?;
        match answer.status.as_u16() {
            304 => Ok(Refresh::Unchanged),
            200 => {
                let text = std::str::from_utf8(&answer.body)
                    .map_err(|error| KeySetError::Syntax(error.to_string()))?;
                let set = KeySet::parse(text, None)?;
                *self.etag.lock().unwrap_or_else(PoisonError::into_inner) = answer.etag;
                Ok(Refresh::Changed(set))
            }
            status => Err(SourceError::Status(status)),
        }
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn hard_life(&self) -> Option<Duration> {
        Some(Duration::from_hours(24))
    }
}
