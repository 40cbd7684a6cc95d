//! Why there is no pool.

use common_config::ConfigError;

/// A pool that cannot be made. No variant carries the URL: it holds the password.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL could not be read.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The URL is not one of PostgreSQL.
    #[error("the database URL is not valid (expected postgres://user:password@host:port/database)")]
    Url,

    /// The server refused or did not answer.
    #[error("cannot connect to PostgreSQL at {host}:{port}")]
    Connect {
        /// Host of the URL.
        host: String,
        /// Port of the URL.
        port: u16,
        /// The driver's error.
        source: sqlx::Error,
    },
}
