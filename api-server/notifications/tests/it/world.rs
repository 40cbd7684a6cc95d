//! The API as callers see it, and the consumer as the broker sees it.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use api_server_notifications::{Notifications, Notifier, Parts, router};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chrono::TimeDelta;
use common_auth::keys::SigningKey;
use common_auth::{Claims, FileSource, Signer, Verifier};
use common_clock::{Clock as _, Ids as _, ManualClock, SystemIds};
use common_config::SecretRef;
use common_db::Pools;
use common_events::{Envelope, Handle as _};
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
    notifier: Notifier,
    clock: Arc<ManualClock>,
    signer: Signer,
}

impl World {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        let now = "2026-03-02T09:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::new(now));
        let source = FileSource::new(KEYS.join("jwks.json"));
        let verifier = Verifier::new(source, ISSUER, "crewdeck", clock.clone())
            .await
            .expect("keys");
        let secret = SecretRef::from("0123456789abcdef0123456789abcdef".to_owned());
        let notifications = Notifications::new(Parts {
            pools: Pools {
                write: pool.clone(),
                read: pool.clone(),
            },
            verifier: Arc::new(verifier),
            keys: CursorKey::read(&secret).expect("a key"),
            clock: clock.clone(),
        });
        let (routes, _) = router(notifications).split_for_parts();
        let layered = standard(routes, &HttpConfig::default(), Arc::new(SystemIds));
        Self {
            app: rewrite_verbs(layered),
            notifier: Notifier::new(pool.clone()),
            clock,
            signer: Signer::from_file(KEYS.join("signing.jwk")).expect("a signing key"),
        }
    }

    /// Lets a second pass.
    pub(crate) fn later(&self) {
        self.clock.advance(TimeDelta::seconds(1));
    }

    fn token(&self, user: Uuid) -> String {
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

    /// A delivery by the broker.
    pub(crate) async fn deliver(&self, event: &Envelope) {
        self.notifier.handle(event).await.expect("handled");
    }

    /// A request of `user`, or of nobody.
    pub(crate) async fn call(&self, user: Option<Uuid>, method: &str, path: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(user) = user {
            request = request.header("authorization", format!("Bearer {}", self.token(user)));
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        let (status, body) = (response.status().as_u16(), response.into_body());
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        let body = serde_json::from_slice(&bytes).expect("JSON");
        Answer { status, body }
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

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The rows of a list.
    #[track_caller]
    pub(crate) fn rows(&self) -> &[Value] {
        assert_eq!(self.status, 200, "{}", self.body);
        self.data().as_array().expect("a list")
    }

    /// Where the list goes on.
    pub(crate) fn next(&self) -> Option<&str> {
        self.body["meta"]["page"]["next"].as_str()
    }

    /// A refusal with this status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        let told = (self.status, self.body["error"]["code"].as_str());
        assert_eq!(told, (status, Some(code)), "{}", self.body);
    }
}
