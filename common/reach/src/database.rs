//! Databases with logins that may change.

use common_config::SecretRef;
use common_db::{Credentials, PoolOptions};
use common_service::Service;
use sqlx::PgPool;

use crate::{Epochs, reach};

/// A database to reach.
pub struct Database {
    /// Its name in readiness and log.
    pub name: &'static str,
    /// The client whose login it is, as the operator names it.
    pub client: &'static str,
    /// Address and login.
    pub url: SecretRef,
    /// Whether every transaction is read-only.
    pub read_only: bool,
    /// Connections at most.
    pub max_connections: u32,
    /// Milliseconds that a statement may take.
    pub statement_timeout_ms: u64,
}

impl Database {
    /// A pool, once the server accepts the login; a new login is followed from then on. `None` when
    /// the role stops before.
    pub async fn reach(self, service: &Service, epochs: &Epochs) -> Option<PgPool> {
        let options = PoolOptions {
            application_name: format!("crewdeck {}", service.role()),
            max_connections: self.max_connections,
            read_only: self.read_only,
            statement_timeout_ms: Some(self.statement_timeout_ms),
        };
        let check = service.ready(self.name);
        let stop = service.soft();
        let credentials = Credentials::new(self.url.clone(), options);
        let attempt = || credentials.pool();
        let pool = reach(self.name, Some(&check), &stop, attempt).await?;
        let seen = credentials.clone();
        epochs.add(self.client, move || seen.epoch());
        let followed = pool.clone();
        service.spawn(self.name, async move {
            credentials.follow(followed, stop).await;
            Ok(())
        });
        Some(pool)
    }
}
