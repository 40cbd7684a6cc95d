//! The operations that roles use.

use std::sync::Arc;
use std::time::Duration;

use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::{CacheConfig, CacheError, open::Open};

/// A handle on Redis; clones share one multiplexed connection.
#[derive(Clone)]
pub struct Cache {
    open: Arc<Open>,
    namespace: String,
}

impl Cache {
    /// Connects and logs in.
    ///
    /// # Errors
    /// When the configuration is unreadable, or the server refuses or does not answer.
    pub async fn connect(config: &CacheConfig) -> Result<Self, CacheError> {
        Ok(Self {
            open: Arc::new(Open::new(config).await?),
            namespace: config.namespace.clone(),
        })
    }

    /// Follows the login until `stop`: whenever the file behind the URL changes, the connection is logged in again, and one that
    /// the server let in no more is made anew. Tried until it succeeds.
    pub async fn follow(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.open.follow()).await;
    }

    /// Epoch of the login in use: the number in the file `epoch` beside the URL, or 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.open.epoch()
    }

    fn connection(&self) -> ConnectionManager {
        self.open.connection()
    }

    /// `key` under the namespace, as the server sees it.
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.namespace)
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), CacheError> {
        let mut connection = self.connection();
        redis::cmd("PING")
            .query_async::<()>(&mut connection)
            .await?;
        Ok(())
    }

    /// The value of `key`, if it exists.
    ///
    /// # Errors
    /// When the server fails or the value is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CacheError> {
        let mut connection = self.connection();
        let bytes: Option<Vec<u8>> = connection.get(self.key(key)).await?;
        decode(key, bytes)
    }

    /// Takes the value of `key`: of many callers, one gets it.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub async fn get_del<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CacheError> {
        let mut connection = self.connection();
        let bytes: Option<Vec<u8>> = connection.get_del(self.key(key)).await?;
        decode(key, bytes)
    }

    /// Sets `key` for `life`, rounded up to a second.
    ///
    /// # Errors
    /// When the server fails or the value cannot be encoded.
    pub async fn set_ex<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        life: Duration,
    ) -> Result<(), CacheError> {
        let bytes = encode(key, value)?;
        let mut connection = self.connection();
        let () = connection
            .set_ex(self.key(key), bytes, seconds(life))
            .await?;
        Ok(())
    }

    /// Sets `key` for `life` unless it exists; tells whether it was set.
    ///
    /// # Errors
    /// As [`Cache::set_ex`].
    pub async fn set_nx_ex<T: Serialize + Sync>(
        &self,
        key: &str,
        value: &T,
        life: Duration,
    ) -> Result<bool, CacheError> {
        let bytes = encode(key, value)?;
        let mut connection = self.connection();
        let set: Option<String> = redis::cmd("SET")
            .arg(self.key(key))
            .arg(bytes)
            .arg("NX")
            .arg("EX")
            .arg(seconds(life))
            .query_async(&mut connection)
            .await?;
        Ok(set.is_some())
    }

    /// Removes `key`; tells whether it existed.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn del(&self, key: &str) -> Result<bool, CacheError> {
        let mut connection = self.connection();
        let removed: i64 = connection.del(self.key(key)).await?;
        Ok(removed > 0)
    }

    /// Counts one more hit on `key` and gives the sum within a window that starts at the first hit.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn incr_window(&self, key: &str, window: Duration) -> Result<u64, CacheError> {
        self.count("INCR", key, window).await
    }

    /// Takes a hit back that was counted by [`Cache::incr_window`].
    ///
    /// # Errors
    /// When the server fails.
    pub async fn decr_window(&self, key: &str, window: Duration) -> Result<(), CacheError> {
        self.count("DECR", key, window).await.map(drop)
    }

    /// One transaction, so that a counter without an end cannot be left behind.
    async fn count(&self, command: &str, key: &str, window: Duration) -> Result<u64, CacheError> {
        let key = self.key(key);
        let mut connection = self.connection();
        let (count, _): (i64, i64) = redis::pipe()
            .atomic()
            .cmd(command)
            .arg(&key)
            .cmd("EXPIRE")
            .arg(&key)
            .arg(seconds(window))
            .arg("NX")
            .query_async(&mut connection)
            .await?;
        // Below zero: the window ended between a hit and its being taken back.
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

fn seconds(life: Duration) -> u64 {
    life.as_millis()
        .div_ceil(1000)
        .max(1)
        .try_into()
        .unwrap_or(u64::MAX)
}

fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, CacheError> {
    serde_json::to_vec(value).map_err(|source| CacheError::Value {
        key: key.to_owned(),
        source,
    })
}

fn decode<T: DeserializeOwned>(key: &str, bytes: Option<Vec<u8>>) -> Result<Option<T>, CacheError> {
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|source| CacheError::Value {
            key: key.to_owned(),
            source,
        })
}
