//! Administrators who stay logged in between passes, so that a pass over any Platform of a server needs no login of its own.

mod idle;
mod shared;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use redis::aio::MultiplexedConnection;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

pub(super) use self::idle::{Idle, Open, Way};
use self::shared::Shared;
use super::redis::lost::{self, InUse, Name};

/// By everything that leads to a server as its administrator; a password cannot be read from it.
type Key = [u8; 32];

/// Those of all servers. Cheap to clone.
#[derive(Clone, Default)]
pub struct Administrators {
    pub(super) postgres: Arc<Idle<PgConnection>>,
    pub(super) redis: Arc<Idle<MultiplexedConnection>>,
    pub(super) kafka: Shared,
    pub(super) redis_users: Arc<InUse>,
}

impl Administrators {
    /// The Platforms whose users a Redis server has lost.
    pub(crate) async fn lost_redis_users(&self, now: DateTime<Utc>) -> Vec<Name> {
        lost::look(&self.redis_users, &self.redis, now).await
    }
}

/// Of these parts and no others.
pub(super) fn key<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> Key {
    let mut digest = Sha256::new();
    for part in parts {
        // With its length, so that no two ways look the same when their parts are joined.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        digest.update(length.to_be_bytes());
        digest.update(part.unwrap_or_default());
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_makes_another_key() {
        let one = key([Some("a:1"), Some("u"), Some("p"), None]);
        assert_eq!(one, key([Some("a:1"), Some("u"), Some("p"), None]));
        let others = [
            [Some("a:2"), Some("u"), Some("p"), None],
            [Some("a:1"), Some("v"), Some("p"), None],
            [Some("a:1"), Some("u"), Some("q"), None],
            [Some("a:1"), Some("up"), Some(""), None],
            [Some("a:1"), Some("u"), Some("p"), Some("")],
        ];
        assert!(others.into_iter().all(|other| key(other) != one));
    }
}
