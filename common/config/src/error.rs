//! What can be wrong with a configuration, in words for the person who wrote it.

use std::path::PathBuf;

/// A configuration that cannot be used. Every variant names the place and the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// Why the system refused.
        source: std::io::Error,
    },

    /// The file is not TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// File and line.
        place: String,
        /// What the parser found.
        message: String,
    },

    /// A key or section that nobody reads.
    #[error("unknown key \"{key}\" in {place}{}", hint(suggestion.as_deref()))]
    UnknownKey {
        /// The key as written.
        key: String,
        /// File and line, or the environment variable.
        place: String,
        /// The nearest key that exists.
        suggestion: Option<String>,
    },

    /// A value of the wrong type or out of range, or a required key that is absent.
    #[error("section [{section}] in {place}: {message}")]
    Invalid {
        /// The section.
        section: &'static str,
        /// Where its values came from.
        place: String,
        /// What is wrong and what is allowed.
        message: String,
    },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}
