//! Making pools.

use std::time::Duration;

use common_config::SecretRef;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor as _, PgPool};

use crate::credentials::connect_options;
use crate::{DatabaseConfig, DbError};

/// Longest wait for a free connection.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(5);
/// Bound on the age of a connection.
const MAX_LIFETIME: Duration = Duration::from_mins(10);

/// What a connection is sent when it comes back.
pub(crate) const RESET: &str = "reset all";

/// What a pool is for.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// `application_name`, as seen in `pg_stat_activity`.
    pub application_name: String,
    /// Most connections.
    pub max_connections: u32,
    /// Sets `default_transaction_read_only` on each connection.
    pub read_only: bool,
    /// Milliseconds after which the server cancels a statement; `None` leaves it unlimited.
    pub statement_timeout_ms: Option<u64>,
}

impl PoolOptions {
    /// For a command, seen as `application_name`: it may change the schema and take its time.
    #[must_use]
    pub fn command(application_name: &str) -> Self {
        Self {
            application_name: application_name.to_owned(),
            max_connections: 2,
            read_only: false,
            statement_timeout_ms: None,
        }
    }

    pub(crate) fn apply(&self, options: PgConnectOptions) -> PgConnectOptions {
        let mut settings = Vec::new();
        if self.read_only {
            settings.push(("default_transaction_read_only", "on".to_owned()));
        }
        if let Some(limit) = self.statement_timeout_ms {
            settings.push(("statement_timeout", limit.to_string()));
        }
        options
            .application_name(&self.application_name)
            .options(settings)
    }
}

/// The application's pools.
#[derive(Debug, Clone)]
pub struct Pools {
    /// The primary.
    pub write: PgPool,
    /// The replica, or the primary when none is configured; read-only.
    pub read: PgPool,
}

impl Pools {
    /// Connects both pools; `application_name` is seen in `pg_stat_activity`.
    ///
    /// # Errors
    /// When a URL is unreadable or not valid, or a server does not accept the login.
    pub async fn connect(config: &DatabaseConfig, application_name: &str) -> Result<Self, DbError> {
        let options = |read_only| PoolOptions {
            application_name: application_name.to_owned(),
            max_connections: config.max_connections,
            read_only,
            statement_timeout_ms: Some(config.statement_timeout_ms),
        };
        let write = pool(&config.url, &options(false)).await?;
        let read = config.replica_url.as_ref().unwrap_or(&config.url);
        let read = pool(read, &options(true)).await?;
        Ok(Self { write, read })
    }
}

/// One pool on `url`, proved by a first connection.
///
/// # Errors
/// As [`Pools::connect`].
pub async fn pool(url: &SecretRef, options: &PoolOptions) -> Result<PgPool, DbError> {
    open(url, options, PgPoolOptions::new()).await
}

/// The same, with more `settings`.
pub(crate) async fn open(
    url: &SecretRef,
    options: &PoolOptions,
    settings: PgPoolOptions,
) -> Result<PgPool, DbError> {
    let connect = options.apply(connect_options(url)?);
    let (host, port) = (connect.get_host().to_owned(), connect.get_port());
    forgetful(settings)
        .max_connections(options.max_connections)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(MAX_LIFETIME)
        .connect_with(connect)
        .await
        .map_err(|source| DbError::Connect { host, port, source })
}

/// A pool whose connections forget what was set on them, such as whose rows they may see, before anybody else uses them. The
/// settings of the pool itself stay: the server takes those for the session's own.
pub(crate) fn forgetful(settings: PgPoolOptions) -> PgPoolOptions {
    settings.after_release(|connection, _| {
        Box::pin(async move {
            connection.execute(RESET).await?;
            Ok(true)
        })
    })
}

#[cfg(test)]
mod tests {
    use sqlx::PgConnection;

    use super::*;

    async fn setting(connection: &mut PgConnection, name: &str) -> Option<String> {
        sqlx::query_scalar("select nullif(current_setting($1, true), '')")
            .bind(name)
            .fetch_one(connection)
            .await
            .expect("a setting")
    }

    /// The URL of a test's database.
    fn url(pool: &PgPool) -> SecretRef {
        let options = pool.connect_options();
        let (host, port) = (options.get_host(), options.get_port());
        let database = options.get_database().expect("a database");
        let user = options.get_username();
        SecretRef::from(format!("postgres://{user}@{host}:{port}/{database}"))
    }

    #[sqlx::test(migrations = false)]
    async fn what_one_user_of_a_connection_set_the_next_one_does_not_find(admin: PgPool) {
        let options = PoolOptions {
            max_connections: 1,
            statement_timeout_ms: Some(9_000),
            ..PoolOptions::command("a test")
        };
        let pool = pool(&url(&admin), &options).await.expect("a pool");
        let own = Some("9s".to_owned());
        for _ in 0..2 {
            let mut connection = pool.acquire().await.expect("the connection");
            assert_eq!(setting(&mut connection, "crewdeck.teams").await, None);
            assert_eq!(setting(&mut connection, "statement_timeout").await, own);
            let set = "set crewdeck.teams = 'a'; set statement_timeout = '1h'";
            connection.execute(set).await.expect("set");
            assert!(setting(&mut connection, "crewdeck.teams").await.is_some());
        }
        // Also by whoever gave a transaction up half way.
        let mut transaction = crate::begin(&pool).await.expect("a transaction");
        let failed = "set crewdeck.teams = 'a'; select 1 / 0";
        transaction.execute(failed).await.expect_err("no number");
        drop(transaction);
        let mut connection = pool.acquire().await.expect("the connection");
        assert_eq!(setting(&mut connection, "crewdeck.teams").await, None);
    }
}
