//! The API as callers see it: layers, tokens, requests and their answers.

use std::sync::Arc;

use api_server_tasks::{Departures, Parts, Tasks, router};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use common_auth::testing::{Bearer, KeyFolder};
use common_clock::{Clock as _, ManualClock, SharedIds, SystemIds};
use common_config::SecretRef;
use common_db::Pools;
use common_db::testing::as_application;
use common_events::{Envelope, Handle as _};
use common_http::testing::{Answer, request, send};
use common_http::{CursorKey, HttpConfig, rewrite_verbs, standard};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// The domain behind the layers of every API and with the rights of the application, at a time that stands still.
pub(crate) struct World {
    app: Router,
    departures: Departures,
    /// Past all rights.
    pub(crate) pool: PgPool,
    clock: Arc<ManualClock>,
    tokens: &'static KeyFolder,
}

impl World {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        // Finer than what a row keeps.
        let now = "2026-03-02T09:00:00.123456789Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let keys = KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"));
        let secret = SecretRef::from("0123456789abcdef0123456789abcdef".to_owned());
        let application = as_application(pool).await;
        let ids: SharedIds = Arc::new(SystemIds);
        let departures = Departures::new(application.clone(), clock.clone(), Arc::clone(&ids));
        let tasks = Tasks::new(Parts {
            pools: Pools {
                write: application.clone(),
                read: application,
            },
            verifier: keys.verifier(clock.clone()).await,
            keys: CursorKey::read(&secret).expect("a key"),
            clock: clock.clone(),
            ids,
        });
        let (routes, _) = router(tasks).split_for_parts();
        let layered = standard(routes, &HttpConfig::default(), Arc::new(SystemIds));
        Self {
            app: rewrite_verbs(layered),
            departures,
            pool: pool.clone(),
            clock,
            tokens: keys,
        }
    }

    /// A delivery by the broker.
    pub(crate) async fn deliver(&self, event: &Envelope) {
        self.departures.handle(event).await.expect("handled");
    }

    /// Lets a second pass.
    pub(crate) fn later(&self) {
        self.clock.advance(TimeDelta::seconds(1));
    }

    pub(crate) fn token(&self, user: Uuid) -> String {
        self.tokens.token(Bearer::user(user), self.clock.now())
    }

    /// A request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.app, request).await
    }

    /// A request of `user` with further headers; without a body when that is null.
    pub(crate) async fn call(
        &self,
        user: Uuid,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token(user));
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.send(request(method, path, &all, &body)).await
    }

    pub(crate) async fn get(&self, user: Uuid, path: &str) -> Answer {
        self.call(user, "GET", path, &[], Value::Null).await
    }

    /// Adds a task, which must succeed.
    pub(crate) async fn task(&self, user: Uuid, body: Value) -> Value {
        let answer = self.call(user, "POST", "/api/v1/tasks", &[], body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["data"].clone()
    }

    pub(crate) async fn patch(
        &self,
        user: Uuid,
        task: &Value,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let path = path(task);
        self.call(user, "PATCH", &path, headers, body).await
    }
}

/// Where the task is.
pub(crate) fn path(task: &Value) -> String {
    format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"))
}
