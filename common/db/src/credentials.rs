//! Logins that change while a pool lives.
//!
//! The URL is a file under a mounted Secret. When its text changes, the pool's options are replaced:
//! new connections use the new login at once, idle ones on the old login are closed, and busy ones
//! end with the pool's bound on their age.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common_config::SecretRef;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::{DbError, PoolOptions};

/// How often the file is looked at; kubelet itself needs longer to project a change.
const LOOK: Duration = Duration::from_secs(2);

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
}

impl Credentials {
    /// The credentials of a pool made with `url` and `options`.
    #[must_use]
    pub fn new(url: SecretRef, options: PoolOptions) -> Self {
        let epoch = Arc::new(AtomicU64::new(epoch_beside(&url)));
        Self {
            url,
            options,
            epoch,
        }
    }

    /// Epoch of the login that new connections use: the number in the file `epoch` beside the URL,
    /// or 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Follows the file until `stop`. An unreadable or invalid file is logged and changes nothing.
    pub async fn follow(self, pool: PgPool, stop: CancellationToken) {
        let Some(path) = self.url.path().map(ToOwned::to_owned) else {
            return;
        };
        let mut seen = std::fs::read(&path).ok();
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let now = std::fs::read(&path).ok();
            if now == seen || now.is_none() {
                continue;
            }
            match connect_options(&self.url) {
                Ok(options) => {
                    pool.set_connect_options(self.options.apply(options));
                    self.epoch.store(epoch_beside(&self.url), Ordering::Relaxed);
                    close_idle(&pool).await;
                    tracing::info!(credentials.epoch = self.epoch(), "database login replaced");
                    seen = now;
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

fn epoch_beside(url: &SecretRef) -> u64 {
    url.path()
        .and_then(|path| std::fs::read_to_string(path.with_file_name("epoch")).ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}
