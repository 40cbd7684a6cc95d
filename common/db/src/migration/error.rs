//! Why migrations were not applied, in words that a person can act on.

use sqlx::migrate::{MigrateError as Failure, Migration, Migrator};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

use super::{name, ups};

/// Characters of a statement that fit a condition's message.
const LONGEST: usize = 300;

/// Classes and codes of PostgreSQL (appendix A of its manual) after which the same statement may succeed: the connection,
/// deadlocks and conflicts, resources, locks, and a server that stops.
const TRANSIENT: &[&str] = &["08", "40", "53", "55P03", "57P"];

/// The migrations were not applied; those before the failing one stay applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A statement of one migration failed; its transaction was rolled back.
    #[error("migration {migration} failed")]
    Statement {
        /// Number and name of the migration, such as `0003_expand_tasks`.
        migration: String,
        /// The statement at which the server stopped, shortened, if it named one.
        statement: Option<String>,
        /// The server's error.
        source: Failure,
    },

    /// A `contract` migration is applied that this version does not know: its code does not suit the database any more.
    #[error(
        "the database has migration {0}, which this version does not know and does not work with; use the version that \
         applied it or a newer one"
    )]
    FromTheFuture(String),

    /// A migration is not the one that was applied under its number.
    #[error(
        "migration {0} is not the one that was applied to the database; a migration is never edited, add a new one"
    )]
    Changed(String),

    /// An index was left half built.
    #[error("migration {migration} left index {index} invalid; run the migration again")]
    InvalidIndex {
        /// Number and name of the migration.
        migration: String,
        /// Its schema and name.
        index: String,
    },

    /// The list of applied migrations could not be read.
    #[error("cannot prepare the migrations")]
    Prepare(#[source] Failure),

    /// No connection, or it broke.
    #[error("cannot reach the database")]
    Connect(#[from] sqlx::Error),
}

impl MigrateError {
    /// Whether the same may succeed a little later, without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Statement { source, .. } | Self::Prepare(source) => match source {
                Failure::Execute(error) | Failure::ExecuteMigration(error, _) => {
                    is_transient(error)
                }
                _ => false,
            },
            Self::InvalidIndex { .. } => true,
            Self::Connect(error) => is_transient(error),
            Self::FromTheFuture(_) | Self::Changed(_) => false,
        }
    }

    pub(super) fn of(failure: Failure, migrator: &Migrator) -> Self {
        let known = |version| ups(migrator).find(|migration| migration.version == version);
        match failure {
            Failure::ExecuteMigration(_, version) => match known(version) {
                Some(migration) => Self::Statement {
                    migration: name(version, &migration.description),
                    statement: statement(migration, &failure),
                    source: failure,
                },
                None => Self::Prepare(failure),
            },
            other => Self::Prepare(other),
        }
    }
}

/// The same of an error of the server or of the way to it.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| TRANSIENT.iter().any(|start| code.starts_with(start))),
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        _ => false,
    }
}

/// The statement around the position that the server reports, shortened; `None` where it reports none.
fn statement(migration: &Migration, failure: &Failure) -> Option<String> {
    let Failure::ExecuteMigration(source, _) = failure else {
        return None;
    };
    let database = source
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()?;
    let sql = migration.sql.as_str();
    let at = match database.position()? {
        PgErrorPosition::Original(at) => sql.char_indices().nth(at.saturating_sub(1))?.0,
        PgErrorPosition::Internal { .. } => return None,
    };
    let start = sql[..at].rfind(';').map_or(0, |semicolon| semicolon + 1);
    let end = sql[at..]
        .find(';')
        .map_or(sql.len(), |semicolon| at + semicolon);
    Some(sql[start..end].trim().chars().take(LONGEST).collect())
}
