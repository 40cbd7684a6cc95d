//! Keys from a mounted folder: `jwks.json` and `meta.json` beside it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::{KeySource, Refresh};
use crate::{KeySet, SourceError};

/// The key set in a file. Kubernetes replaces the folder's `..data` link as a whole, so both files
/// are of one generation; a plain file is watched by its modification time.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    seen: Mutex<Option<Version>>,
}

/// What tells one generation of the folder from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    data: Option<PathBuf>,
    modified: [Option<SystemTime>; 2],
}

impl FileSource {
    /// The source at `path`, the `jwks.json`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            seen: Mutex::default(),
        }
    }

    fn version(&self) -> Version {
        let modified = |path: PathBuf| {
            std::fs::metadata(path)
                .and_then(|meta| meta.modified())
                .ok()
        };
        Version {
            data: std::fs::read_link(self.path.with_file_name("..data")).ok(),
            modified: [
                modified(self.path.clone()),
                modified(self.path.with_file_name("meta.json")),
            ],
        }
    }

    fn read(&self) -> Result<KeySet, SourceError> {
        let file = |source| SourceError::File {
            path: self.path.clone(),
            source,
        };
        let jwks = std::fs::read_to_string(&self.path).map_err(file)?;
        let meta = std::fs::read_to_string(self.path.with_file_name("meta.json")).ok();
        Ok(KeySet::parse(&jwks, meta.as_deref())?)
    }
}

#[async_trait]
impl KeySource for FileSource {
    async fn refresh(&self) -> Result<Refresh, SourceError> {
        let now = self.version();
        if self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            == Some(&now)
        {
            return Ok(Refresh::Unchanged);
        }
        let set = self.read()?;
        // The version was taken before the read: a change in between is seen at the next look.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(Refresh::Changed(set))
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn hard_life(&self) -> Option<Duration> {
        None
    }
}
