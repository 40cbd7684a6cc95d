//! Clients that serve any number of passes at a time: all share one.
//!
//! A login at Kafka is some clients of its library, each with threads, connections and handshakes of its own: far dearer than
//! all requests of a pass.

use std::{sync::Arc, time::Duration};

use common_kafka::{Connection, KafkaError, admin::Admin};
use moka::future::Cache;
use secrecy::ExposeSecret;

use super::Key;

/// An administrator is logged in anew after this long: so is a password that the cluster takes no more noticed.
const LASTS: Duration = Duration::from_mins(5);
/// One that nobody asked for in this time is not needed; Platforms are looked at once a minute.
const IDLE: Duration = Duration::from_mins(2);
/// How many are kept.
const MOST: u64 = 64;

/// The clients that are logged in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Cache<Key, Arc<Admin>>);

impl Default for Shared {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(MOST)
            .time_to_live(LASTS)
            .time_to_idle(IDLE);
        Self(cache.build())
    }
}

impl Shared {
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

/// Of this and no other connection.
fn key(connection: &Connection) -> Key {
    let password = connection.password.as_ref();
    super::key([
        Some(connection.bootstrap_servers.as_str()),
        connection.security_protocol.as_deref(),
        connection.sasl_mechanism.as_deref(),
        connection.username.as_deref(),
        password.map(ExposeSecret::expose_secret),
        connection.ca_pem.as_deref(),
    ])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::servers(|to: &mut Connection| to.bootstrap_servers.push('2'))]
    #[case::transport(|to: &mut Connection| to.security_protocol = Some("SASL_SSL".to_owned()))]
    #[case::mechanism(|to: &mut Connection| to.sasl_mechanism = Some("PLAIN".to_owned()))]
    #[case::user(|to: &mut Connection| to.username = Some("v".to_owned()))]
    #[case::password(|to: &mut Connection| to.password = Some("q".to_owned().into()))]
    #[case::authority(|to: &mut Connection| to.ca_pem = Some("other".to_owned()))]
    fn whoever_comes_with_something_else_gets_another_one(#[case] change: fn(&mut Connection)) {
        let mut connection = Connection {
            bootstrap_servers: "a:1".to_owned(),
            username: Some("u".to_owned()),
            password: Some("p".to_owned().into()),
            ..Connection::default()
        };
        let before = key(&connection);
        change(&mut connection);
        assert_ne!(key(&connection), before);
    }
}
