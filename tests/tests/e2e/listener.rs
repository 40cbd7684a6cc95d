//! Whoever may write a `Platform` and the Secrets of its namespace can have the operator and the roles call an address of
//! their choice. Something listens there, answers as a server would that wants a password, and keeps every byte: what arrives
//! is what that Secret says, and nothing of the operator, of another platform, or of the Secret that stood there before.

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for, work::Person};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How long a first installation may take on the test machine.
const READY: Duration = Duration::from_mins(2);
/// Until the operator has tried the new Secrets: it notices them within seconds, and a server that hangs has its time.
const ARRIVED: Duration = Duration::from_mins(2);
const GONE: Duration = Duration::from_mins(1);

/// What the platform's own Secrets say in the end. These may arrive.
const OWN_POSTGRES: &str = "own-password-for-postgres";
const OWN_REDIS: &str = "own-password-for-redis";

/// What PostgreSQL is asked first: whether it speaks TLS.
const WANTS_TLS: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];
/// The beginning of a session without TLS, after its length.
const BEGINS: &[u8] = &[0, 3, 0, 0];
/// Asks for the password in clear text.
const PASSWORD: &[u8] = &[b'R', 0, 0, 0, 8, 0, 0, 0, 3];

/// A port on which somebody listens until this is dropped.
struct Listener {
    host: String,
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    _work: JoinSet<()>,
}

impl Listener {
    /// On an address of the node, which pods reach as they reach the servers.
    async fn begin(cluster: &Cluster) -> Result<Self> {
        let host = cluster.status.backends.postgres.host.clone();
        let socket = TcpListener::bind((host.as_str(), 0)).await?;
        let port = socket.local_addr()?.port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = heard.clone();
        let mut work = JoinSet::new();
        work.spawn(async move {
            let mut callers = JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                callers.spawn(listen(stream, all.clone()));
            }
        });
        Ok(Self {
            host,
            port,
            heard,
            _work: work,
        })
    }

    fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    fn has_heard(&self, words: &str) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    }
}

/// Keeps what one caller sends, and asks it for more.
async fn listen(mut stream: TcpStream, heard: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let said = &buffer[..length];
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(said);
        let answer: &[u8] = if said == WANTS_TLS {
            b"N"
        } else if said.get(4..8) == Some(BEGINS) {
            PASSWORD
        } else {
            b""
        };
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// What may never arrive: the logins of the servers' administrators, and every password and private key of another platform.
async fn canaries(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let servers = &cluster.status.backends;
    let mut canaries: BTreeSet<String> = [&servers.postgres, &servers.redis, &servers.kafka]
        .map(|server| server.password.clone())
        .into();
    let secrets: Api<Secret> = Api::namespaced(cluster.kube.clone(), &cluster.status.namespace);
    for secret in secrets.list(&ListParams::default()).await? {
        for (key, value) in secret.data.unwrap_or_default() {
            let text = String::from_utf8_lossy(&value.0).into_owned();
            let canary = match key.as_str() {
                "password" => Some(text),
                "url" => password_of(&text),
                "signing.jwk" => private_part(&text),
                _ => None,
            };
            canaries.extend(canary.filter(|canary| canary.len() >= 12));
        }
    }
    // Three or fewer administrators, eight logins and a key at least.
    ensure!(canaries.len() >= 9, "only {} canaries", canaries.len());
    Ok(canaries)
}

/// `secret` of `scheme://user:secret@host`.
fn password_of(url: &str) -> Option<String> {
    let (login, _) = url.split_once("://")?.1.rsplit_once('@')?;
    Some(login.split_once(':')?.1.to_owned())
}

fn private_part(jwk: &str) -> Option<String> {
    let jwk: Value = serde_json::from_str(jwk).ok()?;
    Some(jwk["d"].as_str()?.to_owned())
}

/// That nothing has arrived that may not: in clear text, in base64 as in the header of HTTP's basic login, or a
/// service account's token.
fn nothing_foreign(listener: &Listener, canaries: &BTreeSet<String>) -> Result<()> {
    for (number, canary) in canaries.iter().enumerate() {
        // The words of a failure must not spread it further.
        ensure!(
            !listener.has_heard(canary) && !listener.has_heard(&STANDARD.encode(canary)),
            "canary {number} has arrived"
        );
    }
    ensure!(
        !listener.has_heard("eyJhbGciOi"),
        "a token of the API server has arrived"
    );
    Ok(())
}

/// A Secret of the user with another address and login.
fn led_to(
    listener: &Listener,
    before: &BTreeMap<String, String>,
    changes: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let mut secret = before.clone();
    let port = listener.port.to_string();
    let address = [
        ("host", listener.host.as_str()),
        ("port", port.as_str()),
        ("replica-host", listener.host.as_str()),
        ("replica-port", port.as_str()),
        ("insecureTransport", "true"),
        ("username", "own-login"),
    ];
    for (key, value) in address.iter().chain(changes) {
        secret.insert((*key).to_owned(), (*value).to_owned());
    }
    secret
}

/// Fields of the resource that name an address or a Secret: those that could lead a login astray are refused.
async fn what_leads_elsewhere_is_refused(
    platform: &Platform,
    good: &Value,
    listener: &Listener,
) -> Result<()> {
    let url = listener.url();
    let elsewhere = |variable: &str| json!([{"name": variable, "value": url}]);
    let mut cases = vec![
        (
            "/database/secretRef",
            json!({"name": "demo-postgres", "namespace": "crewdeck"}),
            "secretRef.namespace",
        ),
        (
            "/redis/secretRef/name",
            json!("../../crewdeck/secrets/demo-redis"),
            "redis.secretRef.name",
        ),
        (
            "/database/secretRef/name",
            json!("crewdeck/demo-postgres"),
            "database.secretRef.name",
        ),
        (
            "/database/secretRef/name",
            json!("p-postgres,metadata.namespace=crewdeck"),
            "database.secretRef.name",
        ),
    ];
    for variable in [
        "PGHOST",
        "CREWDECK_DATABASE_URL",
        "CREWDECK_ANALYTICS_READER_URL",
        "CREWDECK_REDIS_URL",
        "CREWDECK_EVENTS_URL",
        "CREWDECK_CONFIG",
    ] {
        cases.push((
            "/rolesTemplate/extraEnv",
            elsewhere(variable),
            "extraEnv may not set this variable",
        ));
    }
    for (pointer, value, words) in cases {
        let mut spec = good.clone();
        let mut place = &mut spec;
        for part in pointer.split('/').skip(1) {
            place = &mut place[part];
        }
        *place = value.clone();
        match platform.apply(&spec).await {
            Ok(_) => bail!("{pointer} = {value} was accepted"),
            Err(error) => {
                let refusal = format!("{error:#}");
                ensure!(refusal.contains(words), "{pointer} = {value}: {refusal}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn e2e_an_address_of_the_author_gets_the_authors_credentials_alone() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let canaries = canaries(&cluster).await?;
    let listener = Listener::begin(&cluster).await?;
    let platform = Platform::prepare(&cluster, "listener").await?;
    let mut spec = platform.spec().await?;
    let url = listener.url();
    spec["publicURL"] = json!(url);
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    spec["rolesTemplate"]["extraEnv"] = proxies
        .iter()
        .map(|name| json!({"name": name, "value": url}))
        .collect();
    what_leads_elsewhere_is_refused(&platform, &spec, &listener).await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    // The roles at work.
    Person::first(&cluster, &platform).await?.team().await?;
    nothing_foreign(&listener, &canaries)?;

    // Under a running platform the Secrets come to say another address and another login; the operator is still logged in with
    // the former ones.
    let mut right = BTreeMap::new();
    for backend in ["postgres", "redis", "kafka"] {
        let name = platform.secret(backend);
        let secret = cluster.secret(&platform.namespace, &name).await?;
        right.insert(backend, secret);
    }
    let address = format!("{}:{}", listener.host, listener.port);
    let changes: [(&str, &[(&str, &str)]); 3] = [
        ("postgres", &[("password", OWN_POSTGRES)]),
        ("redis", &[("password", OWN_REDIS)]),
        (
            "kafka",
            &[
                ("bootstrap-servers", address.as_str()),
                ("security-protocol", "SASL_PLAINTEXT"),
                ("password", "own-password-for-kafka"),
            ],
        ),
    ];
    for (backend, changes) in changes {
        let secret = led_to(&listener, &right[backend], changes);
        platform.write_secret(backend, &secret).await?;
    }
    let mut exposed = spec.clone();
    exposed["exposure"] = json!({"httpRoute": {
        "parentRefs": [{"name": "listener", "namespace": cluster.status.namespace}],
        "hostnames": ["listener.example.org"],
    }});
    platform.apply(&exposed).await?;
    wait_for("the author's own logins arrive", ARRIVED, async || {
        for own in [OWN_POSTGRES, OWN_REDIS] {
            ensure!(listener.has_heard(own), "{own} has not arrived");
        }
        Ok(())
    })
    .await?;
    // Kafka's client sends no login before the server has answered: how far it came is told.
    let told = platform.told("EventsReady", &address, ARRIVED).await?;
    ensure!(told.reason == "BackendUnreachable", "{told:?}");
    nothing_foreign(&listener, &canaries)?;
    let heard = listener.heard.lock().map(|heard| heard.len());
    println!(
        "{} bytes arrived, and none of {} canaries",
        heard.unwrap_or_default(),
        canaries.len()
    );

    for (backend, secret) in &right {
        platform.write_secret(backend, secret).await?;
    }
    restored(&cluster, &platform, &right).await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    platform.delete(GONE).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Takes out what the Secrets have more than before: a key that is no longer written stays.
async fn restored(
    cluster: &Cluster,
    platform: &Platform,
    right: &BTreeMap<&str, BTreeMap<String, String>>,
) -> Result<()> {
    for (backend, before) in right {
        let name = platform.secret(backend);
        let now = cluster.secret(&platform.namespace, &name).await?;
        let more: Vec<Value> = now
            .keys()
            .filter(|key| !before.contains_key(*key))
            .map(|key| json!({"op": "remove", "path": format!("/data/{key}")}))
            .collect();
        if more.is_empty() {
            continue;
        }
        let patch = format!("--patch={}", json!(more));
        let of = ["-n", &platform.namespace, "patch", "secret", &name];
        cluster
            .kubectl(&[&of[..], &["--type=json", &patch]].concat())
            .context("take a key out")?;
    }
    Ok(())
}
