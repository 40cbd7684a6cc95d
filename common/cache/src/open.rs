//! The connection that is open now, and its login, which follows its file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::time::MissedTickBehavior;

use crate::connection::connect;
use crate::login::Login;
use crate::{CacheConfig, CacheError};

/// How often the file with the login is looked at.
const LOOK: Duration = Duration::from_secs(2);

pub(crate) struct Open {
    config: CacheConfig,
    connection: RwLock<ConnectionManager>,
    /// As the connection uses it.
    login: Mutex<Option<Login>>,
    epoch: AtomicU64,
}

impl Open {
    pub(crate) async fn new(config: &CacheConfig) -> Result<Self, CacheError> {
        // Before the login is used: what is told is never ahead of that.
        let (epoch, login) = (config.url.epoch(), Login::read(&config.url)?);
        Ok(Self {
            connection: RwLock::new(connect(config).await?),
            config: config.clone(),
            login: Mutex::new(login),
            epoch: AtomicU64::new(epoch),
        })
    }

    pub(crate) fn connection(&self) -> ConnectionManager {
        self.connection
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Logs the connection in again whenever the login changes, and makes it anew when the server let it in no more: each until it
    /// has succeeded.
    pub(crate) async fn follow(&self) {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the Redis login is not usable");
            }
        }
    }

    async fn look(&self) -> Result<(), CacheError> {
        let (epoch, login) = (self.config.url.epoch(), Login::read(&self.config.url)?);
        let mut connection = self.connection();
        let answer: RedisResult<()> = redis::cmd("PING").query_async(&mut connection).await;
        if answer.is_err_and(|error| is_lost(&error)) {
            let made = connect(&self.config).await?;
            *self
                .connection
                .write()
                .unwrap_or_else(PoisonError::into_inner) = made;
            tracing::info!(credentials.epoch = epoch, "Redis let us in again");
        } else if let Some(login) = login.as_ref().filter(|login| !self.uses(login)) {
            login.log_in(&mut connection).await?;
            tracing::info!(credentials.epoch = epoch, "the Redis login was replaced");
        }
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = login;
        self.epoch.store(epoch, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the connection uses this one already.
    fn uses(&self, login: &Login) -> bool {
        let used = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        used.as_ref().is_some_and(|used| used.is(login))
    }
}

/// Whether the library goes on with this error for ever, or for many minutes: it makes a connection anew only when one breaks, not when
/// the server let it in no more or is silent. What a server answers to a question that it understood is no reason.
fn is_lost(error: &RedisError) -> bool {
    let out = error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("NOAUTH");
    out || error.is_timeout() || !(error.is_io_error() || error.code().is_some())
}
