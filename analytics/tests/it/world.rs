//! Roles that run in the test: their configuration, their ports, and tokens for them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use common_auth::testing::{Bearer, ISSUER, KeyFolder};
use common_clock::testing::wait_for;
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use common_config::Source;
use common_service::{Service, ServiceConfig};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use sqlx::{ConnectOptions as _, PgPool};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn keys() -> &'static KeyFolder {
    KeyFolder::of_tests(env!("CARGO_TARGET_TMPDIR"))
}

pub(crate) fn key_file(name: &str) -> PathBuf {
    keys().file(name)
}

/// An access token of `user`.
pub(crate) fn token(user: Uuid, is_admin: bool) -> String {
    let bearer = Bearer {
        is_admin,
        ..Bearer::user(user)
    };
    keys().token(bearer, SystemClock.now())
}

/// An access token of `user` from the sign-in `session`.
pub(crate) fn token_of(user: Uuid, session: Uuid) -> String {
    let bearer = Bearer {
        session,
        ..Bearer::user(user)
    };
    keys().token(bearer, SystemClock.now())
}

/// The configuration of both roles.
pub(crate) struct Settings {
    pub(crate) reader_url: String,
    pub(crate) owner_url: String,
    /// The lines of `[auth]` that name the keys.
    pub(crate) keys: String,
    /// Further sections.
    pub(crate) more: String,
}

impl Settings {
    /// For a database that holds both schemas; keys from the mounted file.
    pub(crate) fn of(pool: &PgPool) -> Self {
        let own = pool.connect_options().to_url_lossy();
        let mut reader = own.clone();
        reader.set_username(crate::rows::READER).expect("a user");
        reader
            .set_password(Some(crate::rows::READER))
            .expect("a password");
        Self {
            reader_url: reader.to_string(),
            owner_url: own.to_string(),
            keys: format!("jwks_file = \"{}\"", key_file("jwks.json").display()),
            more: String::new(),
        }
    }

    pub(crate) fn source(&self) -> Source {
        let text = format!(
            "[analytics]\nreader_url = {:?}\nowner_url = {:?}\n[auth]\nissuer = {ISSUER:?}\n{}\n{}\n",
            self.reader_url, self.owner_url, self.keys, self.more
        );
        let path = key_file(&format!("{}.toml", SystemIds.uuid()));
        std::fs::write(&path, text).expect("a writable folder");
        Source::load(Some(&path), []).expect("valid TOML")
    }

    /// The role `analytics` with these settings, not waited for.
    pub(crate) fn start(&self) -> Role {
        let source = self.source();
        Role::start("analytics", |service| {
            analytics::roles::analytics::start(&source, service)
        })
    }

    /// The role `analytics` with these settings, ready to answer.
    pub(crate) async fn ready(&self) -> Role {
        let role = self.start();
        role.ready().await;
        role
    }
}

/// A role on ports of its own; it is told to stop when this is dropped.
pub(crate) struct Role {
    api: SocketAddr,
    probes: SocketAddr,
    stop: CancellationToken,
}

impl Role {
    /// Starts what `start` puts on the service.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test watches the role from outside its tracker"
    )]
    pub(crate) fn start(
        name: &'static str,
        start: impl FnOnce(&Service) -> anyhow::Result<()>,
    ) -> Self {
        let (api, probes) = (free_address(), free_address());
        let config = ServiceConfig {
            listen: api,
            probe_listen: probes,
            drain_seconds: 1,
        };
        let service = Service::new(
            name,
            config,
            Arc::new(SystemClock),
            Arc::new(SystemIds),
            PrometheusBuilder::new().build_recorder().handle(),
        );
        start(&service).expect("a valid configuration");
        let stop = service.soft();
        tokio::spawn(service.run());
        Self { api, probes, stop }
    }

    /// Waits until the role is ready.
    pub(crate) async fn ready(&self) {
        wait_for("the role to be ready", async || {
            let (status, text) = self.probe("/readyz").await;
            (status == 200).then_some(()).ok_or(text)
        })
        .await;
    }

    /// Waits until `/readyz` says `words` while the role is not ready.
    pub(crate) async fn misses(&self, words: &str) {
        wait_for(words, async || {
            let (status, text) = self.probe("/readyz").await;
            (status == 503 && text.contains(words))
                .then_some(())
                .ok_or(text)
        })
        .await;
    }

    /// A request to the second port.
    pub(crate) async fn probe(&self, path: &str) -> (u16, String) {
        get(self.probes, path, None).await
    }

    /// The OpenAPI document, which everybody may read.
    pub(crate) async fn document(&self) -> (u16, Value) {
        let (status, body) = get(self.api, "/api/v1/analytics/openapi.json", None).await;
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// The summary of `team` as the bearer of `token` sees it.
    pub(crate) async fn summary(&self, team: Uuid, token: Option<&str>) -> (u16, Value) {
        let path = format!("/api/v1/analytics/teams/{team}/summary");
        let (status, body) = get(self.api, &path, token).await;
        (
            status,
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        )
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One request on a connection of its own; status 0 when nothing listens.
async fn get(address: SocketAddr, path: &str, token: Option<&str>) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return (0, "nothing listens".to_owned());
    };
    let authorization = token.map_or_else(String::new, |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: test\r\n{authorization}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_default(), body.to_owned())
}

/// An address on loopback that nobody uses, below the ports that the system hands out.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
