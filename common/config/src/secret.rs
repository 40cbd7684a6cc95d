//! A secret given as text or as a file that may change while the process runs.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use crate::ConfigError;

/// A secret setting: `url = "…"`, or `url_file = "/path"` for one that is re-read after a rotation.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretRef {
    /// The value itself; for local runs.
    Inline(#[schemars(with = "String")] SecretString),
    /// A file that holds the value.
    File {
        /// Path of the file; surrounding white space of its content is ignored.
        file: PathBuf,
    },
}

impl SecretRef {
    /// A reference to a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File { file: path.into() }
    }

    /// The secret as it is now.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] with the path when the file cannot be read.
    pub fn read(&self) -> Result<SecretString, ConfigError> {
        match self {
            Self::Inline(value) => Ok(value.clone()),
            Self::File { file } => std::fs::read_to_string(file)
                .map(|text| SecretString::from(text.trim().to_owned()))
                .map_err(|source| ConfigError::Unreadable {
                    path: file.clone(),
                    source,
                }),
        }
    }

    /// Generation of the secret: the number in the file `epoch` beside it, or 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.path()
            .and_then(|path| std::fs::read_to_string(path.with_file_name("epoch")).ok())
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    /// The file behind it, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Inline(_) => None,
            Self::File { file } => Some(file),
        }
    }
}

impl From<String> for SecretRef {
    fn from(value: String) -> Self {
        Self::Inline(SecretString::from(value))
    }
}
