//! The login of an open connection, which follows its file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common_config::SecretRef;
use redis::aio::ConnectionManager;
use redis::{BasicAuth, IntoConnectionInfo as _, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};

/// How often the file with the login is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A user and a password.
pub(crate) struct Login {
    user: String,
    password: SecretString,
}

impl Login {
    /// The login behind the URL; one that cannot be used is logged.
    pub(crate) fn read(url: &SecretRef) -> Option<Self> {
        let text = url.read();
        let text = text
            .inspect_err(|error| tracing::warn!(%error, "the Redis login is not readable"))
            .ok()?;
        let Ok(info) = text.expose_secret().into_connection_info() else {
            // The parser's error may quote the URL, and the URL holds the password.
            tracing::warn!("the file with the Redis login holds no URL of a Redis server");
            return None;
        };
        let settings = info.redis_settings();
        Some(Self {
            user: settings.username()?.to_owned(),
            password: settings.password().unwrap_or_default().into(),
        })
    }

    pub(crate) fn into_auth(self) -> BasicAuth {
        BasicAuth::new(self.user, self.password.expose_secret().to_owned())
    }

    fn is(&self, other: &Self) -> bool {
        self.user == other.user && self.password.expose_secret() == other.password.expose_secret()
    }

    async fn log_in(&self, connection: &mut ConnectionManager) -> RedisResult<()> {
        redis::cmd("AUTH")
            .arg(&self.user)
            .arg(self.password.expose_secret())
            .query_async(connection)
            .await
    }
}

/// Logs an open connection in again whenever the login behind `url` changes, until it has succeeded; `epoch` is what it uses.
/// One that is made meanwhile reads the file itself.
pub(crate) async fn follow(url: &SecretRef, connection: ConnectionManager, epoch: Arc<AtomicU64>) {
    let mut connection = connection;
    let mut used = None;
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tick.tick().await;
        // Before the login: what is told is never ahead of what is used.
        let now = url.epoch();
        let Some(login) = Login::read(url) else {
            continue;
        };
        if !used.as_ref().is_some_and(|used| login.is(used)) {
            if let Err(error) = login.log_in(&mut connection).await {
                tracing::warn!(%error, "the new Redis login is not usable, the old one stays");
                continue;
            }
            tracing::info!(credentials.epoch = now, "the Redis login was replaced");
            used = Some(login);
        }
        epoch.store(now, Ordering::Relaxed);
    }
}
