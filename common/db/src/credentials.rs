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
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::pools::{ACQUIRE, open};
use crate::{DbError, PoolOptions};

/// How often the file is looked at; kubelet itself needs longer to project a change.
const LOOK: Duration = Duration::from_secs(2);
/// A connection that was in use this short a time ago is taken without a question to the server.
const FRESH: Duration = Duration::from_secs(1);

/// The last change of the login.
#[derive(Debug, Clone)]
struct Turn {
    /// Connections that are older were made with the former login.
    at: Instant,
    /// How connections are made since then.
    options: PgConnectOptions,
}

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
    turned: Arc<Mutex<Option<Turn>>>,
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
        let (before, after) = (Arc::clone(&self.turned), Arc::clone(&self.turned));
        let settings = PgPoolOptions::new()
            .test_before_acquire(false)
            .before_acquire(move |connection, seen| {
                let current = since(&before).is_none_or(|since| seen.age < since);
                let ask = current && seen.idle_for >= FRESH;
                Box::pin(async move {
                    if ask {
                        connection.ping().await?;
                    }
                    Ok(current)
                })
            })
            .after_connect(move |connection, _| {
                // One that was being made when the login changed is younger than the change, and has the former login.
                let turn = last(&after).filter(|turn| turn.at.elapsed() < ACQUIRE);
                Box::pin(async move {
                    match turn {
                        Some(turn) => take_up(connection, &turn.options).await,
                        None => Ok(()),
                    }
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
                    let options = self.options.apply(options);
                    pool.set_connect_options(options.clone());
                    let at = Instant::now();
                    *self.turned.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(Turn { at, options });
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

/// How long ago the login changed.
fn since(turned: &Mutex<Option<Turn>>) -> Option<Duration> {
    let turned = turned.lock().unwrap_or_else(PoisonError::into_inner);
    turned.as_ref().map(|turn| turn.at.elapsed())
}

fn last(turned: &Mutex<Option<Turn>>) -> Option<Turn> {
    turned
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Makes a connection that has another login anew. It is not refused: the pool would close it and try again behind a growing
/// pause, for as long as the request may wait.
async fn take_up(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
) -> Result<(), sqlx::Error> {
    let user: String = sqlx::query_scalar("select session_user::text")
        .fetch_one(&mut *connection)
        .await?;
    if user != options.get_username() {
        *connection = PgConnection::connect_with(options).await?;
    }
    Ok(())
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
mod tests;
