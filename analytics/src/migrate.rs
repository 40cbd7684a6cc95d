//! The tables of analytics' own database, in schema `analytics` like the list of what is applied.

use std::sync::LazyLock;

use common_config::SecretRef;
use common_db::{DbError, PoolOptions, failed_statement, migration_name};
use sqlx::PgConnection;
use sqlx::migrate::{Migrate as _, MigrateError as Failure, Migration, Migrator};

/// Schema of everything that analytics owns.
const SCHEMA: &str = "analytics";
/// Where sqlx keeps its list; the application's has another place, so that one database may hold both.
const TABLE: &str = "analytics._sqlx_migrations";

/// All migrations of analytics, in order.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.create_schema(SCHEMA);
    migrator.dangerous_set_table_name(TABLE);
    migrator
});

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Names of the migrations that were applied now, oldest first.
    pub applied: Vec<String>,
    /// How many are applied in all.
    pub total: usize,
}

/// The migrations were not applied; those before the failing one stay applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error("cannot migrate analytics: {0}")]
    Connect(#[from] DbError),
    /// The list of applied migrations could not be read.
    #[error("cannot read {TABLE}: {0}")]
    List(#[source] Failure),
    /// A migration failed, or the database does not fit this version.
    #[error("migration of analytics failed: {0}")]
    Apply(#[from] Failure),
}

impl MigrateError {
    /// Number and name of the migration that failed, if it was one.
    #[must_use]
    pub fn migration(&self) -> Option<String> {
        Some(migration_name(self.failed()?))
    }

    /// The statement at which the server stopped, shortened, if it named one.
    #[must_use]
    pub fn statement(&self) -> Option<String> {
        let migration = self.failed()?;
        match self {
            Self::Apply(failure) => failed_statement(migration, failure),
            _ => None,
        }
    }

    fn failed(&self) -> Option<&'static Migration> {
        let Self::Apply(Failure::ExecuteMigration(_, version)) = self else {
            return None;
        };
        ups().find(|migration| migration.version == *version)
    }
}

/// Applies what is missing in the database at `url`.
///
/// # Errors
/// When the server does not accept the login, or a migration fails.
pub async fn migrate(url: &SecretRef) -> Result<Report, MigrateError> {
    let options = PoolOptions {
        application_name: "crewdeck migrate".to_owned(),
        max_connections: 1,
        read_only: false,
        statement_timeout_ms: None,
    };
    let pool = common_db::pool(url, &options).await?;
    let outcome = match pool.acquire().await {
        Ok(mut connection) => apply(&mut connection).await,
        Err(error) => Err(MigrateError::List(error.into())),
    };
    pool.close().await;
    outcome
}

async fn apply(connection: &mut PgConnection) -> Result<Report, MigrateError> {
    let before = applied(connection).await.map_err(MigrateError::List)?;
    MIGRATOR.run(&mut *connection).await?;
    let applied: Vec<String> = ups()
        .filter(|migration| !before.contains(&migration.version))
        .map(migration_name)
        .collect();
    if !applied.is_empty() {
        tracing::info!(?applied, "migrations of analytics applied");
    }
    Ok(Report {
        applied,
        total: ups().count(),
    })
}

/// Versions that are applied already.
async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, Failure> {
    connection.create_schema_if_not_exists(SCHEMA).await?;
    connection.ensure_migrations_table(TABLE).await?;
    let list = connection.list_applied_migrations(TABLE).await?;
    Ok(list.into_iter().map(|applied| applied.version).collect())
}

fn ups() -> impl Iterator<Item = &'static Migration> {
    MIGRATOR
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
}
