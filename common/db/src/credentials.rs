//! Logins that change while a pool lives.
//!
//! The URL is a file under a mounted Secret. When its text changes, the pool's options are replaced:
//! new connections use the new login at once, idle ones on the old login are closed, and busy ones
//! are closed when they come back, before anybody works with them again.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use common_config::SecretRef;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};
use tokio_util::sync::CancellationToken;

use crate::pools::open;
use crate::{DbError, PoolOptions};

/// How often the file is looked at; kubelet itself needs longer to project a change.
const LOOK: Duration = Duration::from_secs(2);
/// A connection that was in use this short a time ago is taken without a question to the server.
const FRESH: Duration = Duration::from_secs(1);

/// The options behind `url`, read now.
pub(crate) fn connect_options(url: &SecretRef) -> Result<PgConnectOptions, DbError> {
    let text = url.read()?;
    PgConnectOptions::from_str(text.expose_secret()).map_err(|_| DbError::Url)
}

/// Follows the login behind a pool.
#[derive(Debug, Clone)]
pub struct Credentials {
    url: SecretRef,
    options: PoolOptions,
    epoch: Arc<AtomicU64>,
    /// The file as it was before the pool was made with it.
    first: Option<SecretString>,
    /// When the login changed last: connections that are older were made with the former one.
    turned: Arc<Mutex<Option<Instant>>>,
}

impl Credentials {
    /// The credentials of a pool that is made with `url` and `options`; a change until then is followed too.
    #[must_use]
    pub fn new(url: SecretRef, options: PoolOptions) -> Self {
        let epoch = Arc::new(AtomicU64::new(url.epoch()));
        let first = url.read().ok();
        Self {
            url,
            options,
            epoch,
            first,
            turned: Arc::default(),
        }
    }

    /// The pool, proved by a first connection.
    ///
    /// sqlx asks the server before each use whether a connection lives, which is a round trip for every request. It asks
    /// at the return of each too, so what rests in the pool lived a moment ago: only a connection that has rested for
    /// longer is asked here, so that a quiet pool outlives a restart of the server unseen. A former login needs no
    /// question, its age tells. A server that goes away under load is seen by the requests that it was working for, and
    /// by one more for each connection that came back a moment before; a failed one is not kept, and nothing here tries
    /// a statement twice, which might do its work twice.
    ///
    /// # Errors
    /// When the URL is unreadable or not valid, or the server does not accept the login.
    pub async fn pool(&self) -> Result<PgPool, DbError> {
        let turned = Arc::clone(&self.turned);
        let settings = PgPoolOptions::new()
            .test_before_acquire(false)
            .before_acquire(move |connection, seen| {
                let turned = *turned.lock().unwrap_or_else(PoisonError::into_inner);
                let current = turned.is_none_or(|turned| seen.age < turned.elapsed());
                let ask = current && seen.idle_for >= FRESH;
                Box::pin(async move {
                    if ask {
                        connection.ping().await?;
                    }
                    Ok(current)
                })
            });
        open(&self.url, &self.options, settings).await
    }

    /// Epoch of the login that new connections use: the number in the file `epoch` beside the URL,
    /// or 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Follows the file until `stop`. An unreadable or invalid file is logged and changes nothing.
    pub async fn follow(self, pool: PgPool, stop: CancellationToken) {
        if self.url.path().is_none() {
            return;
        }
        let mut seen = self.first.clone();
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            // Before the login: what is told is never ahead of what is used.
            let epoch = self.url.epoch();
            let Ok(now) = self.url.read() else { continue };
            let before = seen.as_ref().map(SecretString::expose_secret);
            if before == Some(now.expose_secret()) {
                self.epoch.store(epoch, Ordering::Relaxed);
                continue;
            }
            match connect_options(&self.url) {
                Ok(options) => {
                    pool.set_connect_options(self.options.apply(options));
                    *self.turned.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(Instant::now());
                    close_idle(&pool).await;
                    self.epoch.store(epoch, Ordering::Relaxed);
                    tracing::info!(credentials.epoch = epoch, "database login replaced");
                    seen = Some(now);
                }
                Err(error) => {
                    tracing::warn!(%error, "the new database login is not usable, the old one stays");
                }
            }
        }
    }
}

/// Closes the connections that are idle now; they were made with the old login.
async fn close_idle(pool: &PgPool) {
    for _ in 0..pool.num_idle() {
        if let Some(idle) = pool.try_acquire() {
            let _ = idle.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, Executor as _};

    use super::*;

    /// What a pool of one connection on the database of a test is made with.
    fn one(database: &PgPool) -> Credentials {
        let url = database.connect_options().to_url_lossy().to_string();
        let options = PoolOptions {
            max_connections: 1,
            ..PoolOptions::command("credentials-test")
        };
        Credentials::new(SecretRef::from(url), options)
    }

    /// The process of the server that a statement of the pool meets.
    async fn process(pool: &PgPool) -> i32 {
        let own = sqlx::query_scalar("select pg_backend_pid()");
        own.fetch_one(pool).await.expect("one")
    }

    #[sqlx::test(migrations = false)]
    async fn a_connection_that_the_server_ended_is_met_once_at_most(database: PgPool) {
        let pool = one(&database).pool().await.expect("connected");
        let first = process(&pool).await;
        let end = sqlx::query("select pg_terminate_backend($1, 5000)").bind(first);
        database.execute(end).await.expect("ended");
        // At once: it is trusted or, on a slow machine, asked.
        let _ = pool.execute("select 1").await;
        assert_ne!(process(&pool).await, first);
    }

    #[sqlx::test(migrations = false)]
    async fn a_connection_of_a_former_login_is_not_used_again(database: PgPool) {
        let credentials = one(&database);
        let pool = credentials.pool().await.expect("connected");
        let first = process(&pool).await;
        assert_eq!(process(&pool).await, first);
        *credentials.turned.lock().expect("not poisoned") = Some(Instant::now());
        assert_ne!(process(&pool).await, first);
    }
}
