//! Administrators of Kafka clusters: passes over all Platforms of a cluster share one that is logged in.
//!
//! A login at Kafka is some clients of its library, each with threads, connections and handshakes of its own: far dearer than
//! all requests of a pass.

use std::{sync::Arc, time::Duration};

use common_kafka::{Connection, KafkaError, admin::Admin};
use moka::future::Cache;
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};

/// An administrator is logged in anew after this long: so is a password that the cluster takes no more noticed.
const LASTS: Duration = Duration::from_mins(5);
/// One that nobody asked for in this time is not needed; Platforms are looked at once a minute.
const IDLE: Duration = Duration::from_mins(2);
/// How many are kept.
const MOST: u64 = 64;

/// By everything that the connection has.
type Key = [u8; 32];

/// Administrators that are logged in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Administrators(Cache<Key, Arc<Admin>>);

impl Default for Administrators {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(MOST)
            .time_to_live(LASTS)
            .time_to_idle(IDLE);
        Self(cache.build())
    }
}

impl Administrators {
    /// The administrator of a cluster. Who asks while another one logs in waits for that.
    ///
    /// # Errors
    /// As of [`Admin::connect`].
    pub(crate) async fn get(&self, connection: &Connection) -> Result<Arc<Admin>, Arc<KafkaError>> {
        let login = async { Admin::connect(connection).await.map(Arc::new) };
        self.0.try_get_with(key(connection), login).await
    }

    /// Logs in anew at the next call: something went wrong with this one, and the login tells best what.
    pub(crate) async fn forget(&self, connection: &Connection) {
        self.0.invalidate(&key(connection)).await;
    }
}

/// Of this and no other connection; a password cannot be read from it.
fn key(connection: &Connection) -> Key {
    let password = connection.password.as_ref();
    let parts = [
        Some(connection.bootstrap_servers.as_str()),
        connection.security_protocol.as_deref(),
        connection.sasl_mechanism.as_deref(),
        connection.username.as_deref(),
        password.map(ExposeSecret::expose_secret),
        connection.ca_pem.as_deref(),
    ];
    let mut digest = Sha256::new();
    for part in parts {
        // With its length, so that no two connections look the same when they are joined.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        digest.update(length.to_be_bytes());
        digest.update(part.unwrap_or_default());
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn every_part_of_a_connection_makes_another_administrator() {
        let of = |servers: &str, user: &str, password: &str, ca: Option<&str>| {
            key(&Connection {
                bootstrap_servers: servers.to_owned(),
                username: Some(user.to_owned()),
                password: Some(SecretString::from(password)),
                ca_pem: ca.map(str::to_owned),
                ..Connection::default()
            })
        };
        let one = of("a:1", "u", "p", None);
        assert_eq!(one, of("a:1", "u", "p", None));
        let others = [
            of("a:2", "u", "p", None),
            of("a:1", "v", "p", None),
            of("a:1", "u", "q", None),
            of("a:1", "up", "", None),
            of("a:1", "u", "p", Some("")),
        ];
        assert!(others.iter().all(|other| *other != one));
    }
}
