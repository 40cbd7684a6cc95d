//! The API as callers see it: layers, tokens, requests and their answers.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use api_server_tasks::{Parts, Tasks, router};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use chrono::TimeDelta;
use common_auth::keys::SigningKey;
use common_auth::{Claims, FileSource, Signer, Verifier};
use common_clock::{Clock as _, Ids as _, ManualClock, SystemIds};
use common_config::SecretRef;
use common_db::Pools;
use common_http::{CursorKey, HttpConfig, rewrite_verbs, standard};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;
use uuid::Uuid;

const ISSUER: &str = "https://crewdeck.example.org";

/// The folder of one key pair, made once for all tests.
static KEYS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(SystemIds.uuid().to_string());
    let key = SigningKey::generate(3072, &SystemIds).expect("a key");
    std::fs::create_dir_all(&folder).expect("a writable folder");
    let set = json!({"keys": [key.public_jwk()]}).to_string();
    std::fs::write(folder.join("jwks.json"), set).expect("a writable folder");
    let own = key.private_jwk();
    std::fs::write(folder.join("signing.jwk"), own.expose_secret()).expect("a writable folder");
    folder
});

/// The domain behind the layers of every API, at a time that stands still.
pub(crate) struct World {
    app: Router,
    pub(crate) pool: PgPool,
    clock: Arc<ManualClock>,
    signer: Signer,
}

impl World {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        // Finer than what a row keeps.
        let now = "2026-03-02T09:00:00.123456789Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let source = FileSource::new(KEYS.join("jwks.json"));
        let verifier = Verifier::new(source, ISSUER, "crewdeck", clock.clone())
            .await
            .expect("keys");
        let secret = SecretRef::from("0123456789abcdef0123456789abcdef".to_owned());
        let tasks = Tasks::new(Parts {
            pools: Pools {
                write: pool.clone(),
                read: pool.clone(),
            },
            verifier: Arc::new(verifier),
            keys: CursorKey::read(&secret).expect("a key"),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
        });
        let (routes, _) = router(tasks).split_for_parts();
        let layered = standard(routes, &HttpConfig::default(), Arc::new(SystemIds));
        Self {
            app: rewrite_verbs(layered),
            pool: pool.clone(),
            clock,
            signer: Signer::from_file(KEYS.join("signing.jwk")).expect("a signing key"),
        }
    }

    /// Lets a second pass.
    pub(crate) fn later(&self) {
        self.clock.advance(TimeDelta::seconds(1));
    }

    pub(crate) fn token(&self, user: Uuid) -> String {
        let now = self.clock.now().timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: vec!["crewdeck".to_owned()],
            sub: user,
            exp: now + 600,
            iat: now,
            nbf: now,
            jti: SystemIds.uuid(),
            sid: SystemIds.uuid(),
            adm: false,
        };
        self.signer.sign(&claims).expect("signed")
    }

    /// A request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).expect("JSON"),
        }
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
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", bearer);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).expect("a request")).await
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

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// A refusal with this status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        let told = (self.status, self.body["error"]["code"].as_str());
        assert_eq!(told, (status, Some(code)), "{}", self.body);
    }

    /// A refusal of one field; tells what is allowed.
    #[track_caller]
    pub(crate) fn refused_field(&self, pointer: &str) -> &str {
        self.refused(422, "validation_failed");
        let errors = &self.body["error"]["errors"];
        assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
        assert_eq!(errors[0]["pointer"], pointer, "{errors}");
        errors[0]["detail"].as_str().expect("a detail")
    }
}
