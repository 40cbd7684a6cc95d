//! A user and a password, as the URL has them.

use common_config::SecretRef;
use redis::aio::ConnectionManager;
use redis::{BasicAuth, ConnectionInfo, RedisResult};
use secrecy::{ExposeSecret as _, SecretString};

use crate::CacheError;
use crate::connection::parse;

/// Whom a password without a user belongs to.
const DEFAULT: &str = "default";

pub(crate) struct Login {
    user: String,
    password: SecretString,
}

impl Login {
    /// The login behind the URL; `None` when there is none.
    pub(crate) fn read(url: &SecretRef) -> Result<Option<Self>, CacheError> {
        Ok(Self::of(&parse(url)?))
    }

    /// The login of a URL that was parsed; `None` when there is none.
    pub(crate) fn of(info: &ConnectionInfo) -> Option<Self> {
        let settings = info.redis_settings();
        if settings.username().is_none() && settings.password().is_none() {
            return None;
        }
        Some(Self {
            user: settings.username().unwrap_or(DEFAULT).to_owned(),
            password: settings.password().unwrap_or_default().into(),
        })
    }

    pub(crate) fn into_auth(self) -> BasicAuth {
        BasicAuth::new(self.user, self.password.expose_secret().to_owned())
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.user == other.user && self.password.expose_secret() == other.password.expose_secret()
    }

    /// Logs an open connection in.
    pub(crate) async fn log_in(&self, connection: &mut ConnectionManager) -> RedisResult<()> {
        redis::cmd("AUTH")
            .arg(&self.user)
            .arg(self.password.expose_secret())
            .query_async(connection)
            .await
    }
}
