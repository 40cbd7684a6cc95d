//! Why the cache could not answer.

use common_config::ConfigError;

/// A cache operation that failed. No variant carries the URL: it holds the password.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The URL or the authority's file could not be read.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The URL is not one of Redis.
    #[error("the Redis URL is not valid (expected rediss://user:password@host:port)")]
    Url,

    /// The authority's file could not be read.
    #[error("cannot read the certificate authority {path}")]
    Authority {
        /// The file.
        path: String,
        /// Why the system refused.
        source: std::io::Error,
    },

    /// The server refused or did not answer.
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),

    /// A stored value is not what the caller expects.
    #[error("the value of {key} is not valid: {source}")]
    Value {
        /// Key without its namespace.
        key: String,
        /// What the parser found.
        source: serde_json::Error,
    },
}
