//! What failed, for the operator that started the migration and reads its last line.

use common_db::MigrateError;
use serde::Serialize;
use serde_json::json;

/// The last line on stderr.
#[derive(Debug, Serialize, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Failed {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// Whether the same may succeed a little later.
    transient: bool,
}

impl Failed {
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let cause = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<MigrateError>());
        let at = match cause {
            Some(MigrateError::Statement {
                migration,
                statement,
                ..
            }) => Some((migration.clone(), statement.clone())),
            _ => None,
        };
        // Of a statement it is the server's words that count; each layer above repeats them.
        let words = match (&at, error.chain().last()) {
            (Some(_), Some(server)) => server.to_string(),
            _ => format!("{error:#}"),
        };
        let (migration, statement) = at.unzip();
        Self {
            error: words,
            migration,
            statement: statement.flatten(),
            // A login that is not accepted, or a server that is not there, is no fault of the migration.
            transient: cause.map_or_else(
                || {
                    error
                        .chain()
                        .any(<dyn std::error::Error>::is::<common_db::DbError>)
                },
                MigrateError::is_transient,
            ),
        }
    }

    /// One line of JSON.
    pub(crate) fn line(&self) -> String {
        json!({"migration_failed": self}).to_string()
    }
}
