//! The servers of the application's roles.

use std::sync::Arc;

use common_cache::{Cache, CacheConfig};
use common_db::{DatabaseConfig, Pools};
use common_events::Ends;
use common_reach::{Database, Epochs, reach};
use common_service::Service;

/// The application's pools: the primary, and the replica where one is configured. `None` when the role stops before.
pub(super) async fn pools(
    config: &DatabaseConfig,
    service: &Service,
    epochs: &Epochs,
) -> Option<Pools> {
    let database = |name, client, url: &common_config::SecretRef, read_only| Database {
        name,
        client,
        url: url.clone(),
        read_only,
        max_connections: config.max_connections,
        statement_timeout_ms: config.statement_timeout_ms,
    };
    let write = database("database", "db-app", &config.url, false)
        .reach(service, epochs)
        .await?;
    let read = match &config.replica_url {
        Some(url) => {
            database("replica", "db-app-replica", url, true)
                .reach(service, epochs)
                .await?
        }
        None => write.clone(),
    };
    Some(Pools { write, read })
}

/// The application's Redis namespace. `None` when the role stops before.
pub(super) async fn cache(
    config: &CacheConfig,
    service: &Service,
    epochs: &Epochs,
) -> Option<Cache> {
    let check = service.ready("redis");
    let connect = || Cache::connect(config);
    let cache = reach("redis", Some(&check), &service.soft(), connect).await?;
    let (seen, follow) = (cache.clone(), cache.clone().follow(service.soft()));
    epochs.follow("redis-app", service, move || seen.epoch(), follow);
    Some(cache)
}

/// Follows the login on the broker, if it can change.
pub(super) fn follow_broker(ends: &Ends, service: &Service, epochs: &Epochs) {
    if let Some(login) = ends.login.clone() {
        let (seen, stop) = (Arc::clone(&login), service.soft());
        let follow = async move { login.follow(&stop).await };
        epochs.follow("kafka-app", service, move || seen.epoch(), follow);
    }
}
