//! The API as callers see it, and the consumer as the broker sees it.

use std::sync::Arc;

use api_server_notifications::{Notifications, Notifier, Parts, router};
use axum::Router;
use chrono::TimeDelta;
use common_auth::testing::{Bearer, KeyFolder};
use common_clock::{Clock as _, ManualClock, SystemIds};
use common_config::SecretRef;
use common_db::Pools;
use common_events::{Envelope, Handle as _};
use common_http::testing::{Answer, request, send};
use common_http::{Callers, CursorKey, HttpConfig, rewrite_verbs, standard};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// The domain behind the layers of every API, at a time that stands still.
pub(crate) struct World {
    app: Router,
    notifier: Notifier,
    clock: Arc<ManualClock>,
    tokens: &'static KeyFolder,
}

impl World {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        let now = "2026-03-02T09:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let keys = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
        let secret = SecretRef::from("0123456789abcdef0123456789abcdef".to_owned());
        let notifications = Notifications::new(Parts {
            pools: Pools {
                write: pool.clone(),
                read: pool.clone(),
            },
            keys: CursorKey::read(&secret).expect("a key"),
            clock: clock.clone(),
        });
        let (routes, _) = router(notifications).split_for_parts();
        let callers = Callers::verified_by(keys.verifier(clock.clone()).await);
        let config = HttpConfig::default();
        let layered = standard(routes, &config, Arc::new(SystemIds), callers);
        Self {
            app: rewrite_verbs(layered),
            notifier: Notifier::new(pool.clone()),
            clock,
            tokens: keys,
        }
    }

    /// Lets a second pass.
    pub(crate) fn later(&self) {
        self.clock.advance(TimeDelta::seconds(1));
    }

    /// A delivery by the broker.
    pub(crate) async fn deliver(&self, event: &Envelope) {
        self.notifier.handle(event).await.expect("handled");
    }

    /// A request of `user`, or of nobody.
    pub(crate) async fn call(&self, user: Option<Uuid>, method: &str, path: &str) -> Answer {
        let bearer = user.map(|user| {
            let token = self.tokens.token(Bearer::user(user), self.clock.now());
            format!("Bearer {token}")
        });
        let headers: Vec<(&str, &str)> = bearer
            .iter()
            .map(|bearer| ("authorization", bearer.as_str()))
            .collect();
        send(&self.app, request(method, path, &headers, &Value::Null)).await
    }

    /// The caller's list with a query.
    pub(crate) async fn list(&self, user: Uuid, query: &str) -> Answer {
        let path = format!("/api/v1/notifications{query}");
        self.call(Some(user), "GET", &path).await
    }

    /// Reads a notification.
    pub(crate) async fn read(&self, user: Uuid, notification: &Value) -> Answer {
        let id = notification["id"].as_str().expect("an id");
        let path = format!("/api/v1/notifications/{id}:read");
        self.call(Some(user), "POST", &path).await
    }
}
