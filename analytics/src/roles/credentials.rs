//! Databases with logins that may change, and what `/internal/state` tells of logins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use common_config::SecretRef;
use common_db::{Credentials, PoolOptions};
use common_service::Service;
use serde_json::json;
use sqlx::PgPool;

use super::reach::reach;
use crate::AnalyticsConfig;

type Epoch = Box<dyn Fn() -> u64 + Send>;

/// The epochs of the logins in use, by client, as `credentials` in `/internal/state`.
#[derive(Clone, Default)]
pub(super) struct Epochs(Arc<Mutex<BTreeMap<&'static str, Epoch>>>);

impl Epochs {
    /// No logins yet; they are told by `service` from now on.
    pub(super) fn of(service: &Service) -> Self {
        let epochs = Self::default();
        let told = epochs.clone();
        service.state("credentials", move || {
            let all = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            let all: BTreeMap<_, _> = all
                .iter()
                .map(|(client, epoch)| (client, epoch()))
                .collect();
            json!(all)
        });
        epochs
    }

    /// Tells `epoch` for `client`.
    pub(super) fn add(&self, client: &'static str, epoch: impl Fn() -> u64 + Send + 'static) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(client, Box::new(epoch));
    }
}

/// A database to reach.
pub(super) struct Database {
    /// Its name in readiness and log.
    pub(super) name: &'static str,
    /// The client whose login it is, as the operator names it.
    pub(super) client: &'static str,
    /// Address and login.
    pub(super) url: SecretRef,
    /// Whether every transaction is read-only.
    pub(super) read_only: bool,
}

impl Database {
    /// The application's replica.
    pub(super) fn replica(config: &AnalyticsConfig) -> Self {
        Self {
            name: "replica",
            client: "db-analytics-reader",
            url: config.reader_url.clone(),
            read_only: true,
        }
    }

    /// Analytics' own database.
    pub(super) fn own(config: &AnalyticsConfig) -> Self {
        Self {
            name: "own database",
            client: "db-analytics-owner",
            url: config.owner_url.clone(),
            read_only: false,
        }
    }

    /// A pool, once the server accepts the login; a new login is followed from then on. `None` when
    /// the role stops before.
    pub(super) async fn reach(
        self,
        config: &AnalyticsConfig,
        service: &Service,
        epochs: &Epochs,
    ) -> Option<PgPool> {
        let options = PoolOptions {
            application_name: format!("crewdeck {}", service.role()),
            max_connections: config.max_connections,
            read_only: self.read_only,
            statement_timeout_ms: Some(config.statement_timeout_ms),
        };
        let check = service.ready(self.name);
        let stop = service.soft();
        // Made before the login is read: a change in between is then followed.
        let credentials = Credentials::new(self.url.clone(), options.clone());
        let attempt = || common_db::pool(&self.url, &options);
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
