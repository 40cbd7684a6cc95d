//! Signing keys and logins rotate, and keys are revoked, under people who go on working.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::{backends, client::Api, cluster::Cluster, platform::Platform, wait::wait_for};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, interval},
};

const READY: Duration = Duration::from_mins(2);
/// A whole rotation of the times below, and some pods that are slow.
const ROTATED: Duration = Duration::from_mins(2);
/// Seconds that a token lives here.
const TOKEN: u64 = 10;

/// A question about no team: what counts is whether the token is believed.
const NO_TEAM: &str = "/api/v1/analytics/teams/00000000-0000-4000-8000-000000000000/summary";

/// The shortest times that the rules allow with tokens of ten seconds.
fn signing() -> Value {
    json!({
        "accessTokenSeconds": TOKEN, "jwksMaxAgeSeconds": 1, "clockSkewSeconds": 2, "propagationSeconds": 5,
        "publishLeadSeconds": 10, "retentionSeconds": 20, "rotationPeriodSeconds": 45,
    })
}

/// Somebody with a session, who refreshes it before each token ends.
struct Person {
    api: Api,
    refresh: String,
    since: Instant,
}

/// A new team of theirs.
async fn team(person: &Person) -> Result<String> {
    let team = json!({"name": "At work"});
    let team = person.api.post("/api/v1/teams", &team).await?.data(201)?;
    Ok(team["id"].as_str().context("id")?.to_owned())
}

impl Person {
    /// The first administrator of a platform.
    async fn first(cluster: &Cluster, platform: &Platform) -> Result<Self> {
        let web = cluster
            .address(&platform.namespace, &platform.name, "web")
            .await?;
        let admin = cluster
            .secret(&platform.namespace, &format!("{}-admin", platform.name))
            .await?;
        let anonymous = Api::anonymous(&web)?;
        let login = json!({"email": admin["email"], "password": admin["password"]});
        let tokens = anonymous.post("/api/v1/auth/login", &login).await?;
        Self::with(&anonymous, &tokens.data(200)?)
    }

    fn with(api: &Api, tokens: &Value) -> Result<Self> {
        let text = |key: &str| tokens[key].as_str().context("a pair of tokens");
        Ok(Self {
            api: api.with_token(text("access")?),
            refresh: text("refresh")?.to_owned(),
            since: Instant::now(),
        })
    }

    /// The next pair.
    async fn refreshed(&self) -> Result<Self> {
        let body = json!({"refresh": self.refresh});
        let tokens = self.api.post("/api/v1/auth/refresh", &body).await?;
        Self::with(&self.api, &tokens.data(200)?)
    }

    /// The name of the key that signed the token.
    fn kid(&self) -> Result<String> {
        kid_of(self.api.token()?)
    }
}

/// The kid in a token's header, without a look at its signature.
fn kid_of(token: &str) -> Result<String> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = token.split('.').next().context("a token has a header")?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    Ok(header["kid"].as_str().context("kid")?.to_owned())
}

/// What a person who works without a pause went through.
#[derive(Default)]
struct Worked {
    requests: u64,
    tasks: i64,
    kids: BTreeSet<String>,
    refused: Vec<String>,
}

/// Works until told to stop: four requests every 50 ms with a token that is used to its end, at both roles that answer.
async fn work(
    mut person: Person,
    team: &str,
    analytics: &str,
    stop: watch::Receiver<bool>,
) -> Result<Worked> {
    let task = json!({"team_id": team, "title": "One of many"});
    let mut worked = Worked::default();
    let mut ticks = interval(Duration::from_millis(50));
    while !*stop.borrow() {
        ticks.tick().await;
        // A second before its end, so that the last request is in time.
        if person.since.elapsed() > Duration::from_secs(TOKEN - 1) {
            person = person.refreshed().await?;
        }
        worked.kids.insert(person.kid()?);
        let web = person.api.get("/api/v1/users/me").await?;
        // Redis too.
        let ticket = person
            .api
            .post("/api/v1/realtime/tickets", &json!({}))
            .await?;
        let other = person.api.at(analytics).get(NO_TEAM).await?;
        let made = person.api.post("/api/v1/tasks", &task).await?;
        worked.requests += 4;
        if made.status == 201 {
            worked.tasks += 1;
        } else {
            worked
                .refused
                .push(format!("task {}: {}", made.status, made.body));
        }
        if web.status != 200 {
            worked
                .refused
                .push(format!("web {}: {}", web.status, web.body));
        }
        if !ticket.status.is_success() {
            worked
                .refused
                .push(format!("ticket {}: {}", ticket.status, ticket.body));
        }
        if other.status == 401 || other.status.is_server_error() {
            worked.refused.push(format!("analytics {}", other.status));
        }
    }
    Ok(worked)
}

/// The keys that the status tells, as `(kid, phase)`.
async fn keys(platform: &Platform) -> Result<Vec<(String, String)>> {
    let object = platform.get().await?;
    let keys = object.data["status"]["signingKeys"].as_array().cloned();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap_or_default().to_owned();
    Ok(keys
        .unwrap_or_default()
        .iter()
        .map(|key| (text(key, "kid"), text(key, "phase")))
        .collect())
}

async fn active(platform: &Platform) -> Result<String> {
    let keys = keys(platform).await?;
    let active = keys.into_iter().find(|(_, phase)| phase == "Active");
    Ok(active.context("a key signs")?.0)
}

/// A Ready platform with short times.
async fn installed(cluster: &Cluster, purpose: &str) -> Result<(Platform, Value)> {
    let platform = Platform::prepare(cluster, purpose).await?;
    let mut spec = platform.spec().await?;
    spec["signing"] = signing();
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    Ok((platform, spec))
}

#[tokio::test]
async fn e2e_a_rotation_fails_no_request() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let (platform, _) = installed(&cluster, "rotate").await?;
    let analytics = cluster
        .address(&platform.namespace, &platform.name, "analytics")
        .await?;
    let first = active(&platform).await?;
    let (stop, stopped) = watch::channel(false);
    let person = Person::first(&cluster, &platform).await?;
    let team = team(&person).await?;
    let begun = Instant::now();
    let turn = async {
        let turned = wait_for("another key signs", ROTATED, async || {
            let now = active(&platform).await?;
            ensure!(now != first, "{first} still signs");
            Ok(now)
        })
        .await?;
        wait_for("the first key has left the key set", ROTATED, async || {
            let keys = keys(&platform).await?;
            ensure!(keys.iter().all(|(kid, _)| *kid != first), "{keys:?}");
            Ok(())
        })
        .await?;
        stop.send(true)?;
        anyhow::Ok(turned)
    };
    let (worked, turned) = tokio::try_join!(work(person, &team, &analytics, stopped), turn)?;
    let took = begun.elapsed();
    println!(
        "a rotation in {} s under {} requests with tokens of {} keys",
        took.as_secs(),
        worked.requests,
        worked.kids.len()
    );
    ensure!(worked.refused.is_empty(), "refused: {:?}", worked.refused);
    ensure!(
        worked.kids.contains(&first) && worked.kids.contains(&turned),
        "{:?}",
        worked.kids
    );
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

#[tokio::test]
async fn e2e_a_revoked_key_dies_and_a_lost_ring_does_not() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "revoke").await?;
    let mut spec = platform.spec().await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let analytics = cluster
        .address(&platform.namespace, &platform.name, "analytics")
        .await?;
    let person = Person::first(&cluster, &platform).await?;
    let stolen = person.kid()?;

    spec["signing"] = json!({"revoke": [{"kid": stolen, "reason": "stolen in a test"}]});
    platform.apply(&spec).await?;
    let begun = Instant::now();
    wait_for(
        "both roles refuse its tokens",
        Duration::from_secs(30),
        async || {
            let web = person.api.get("/api/v1/users/me").await?.status;
            let other = person.api.at(&analytics).get(NO_TEAM).await?.status;
            ensure!(web == 401 && other == 401, "web {web}, analytics {other}");
            Ok(())
        },
    )
    .await?;
    println!("a revoked key died in {} ms", begun.elapsed().as_millis());
    // The session is not the token: it goes on with another key, without a new login.
    let person = Mutex::new(person);
    wait_for("the next key signs", Duration::from_secs(30), async || {
        let mut person = person.lock().await;
        *person = person.refreshed().await?;
        ensure!(person.kid()? != stolen, "signed by {stolen}");
        Ok(())
    })
    .await?;
    let person = person.into_inner();
    ensure!(person.api.get("/api/v1/users/me").await?.status == 200);

    // The ring is lost: what is published is enough to go on, and what was denied stays so.
    let signs = person.kid()?;
    let ring = format!("{}-keyring", platform.name);
    let secrets = kube::Api::<Secret>::namespaced(cluster.kube.clone(), &platform.namespace);
    secrets.delete(&ring, &DeleteParams::default()).await?;
    wait_for(
        "the ring is made again",
        Duration::from_secs(90),
        async || {
            secrets.get(&ring).await?;
            Ok(())
        },
    )
    .await?;
    let refreshed = person.refreshed().await?;
    ensure!(refreshed.kid()? == signs, "another key signs");
    ensure!(person.api.get("/api/v1/users/me").await?.status == 200);
    let jwks = format!("{}-jwks", platform.name);
    let meta = cluster
        .config_file(&platform.namespace, &jwks, "meta.json")
        .await?;
    ensure!(
        meta.contains(&stolen),
        "the denied key is forgotten: {meta}"
    );
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// The logins that the status tells: `(client, phase, epoch)`.
async fn logins(platform: &Platform) -> Result<Vec<(String, String, i64)>> {
    let object = platform.get().await?;
    let logins = object.data["status"]["credentials"].as_array().cloned();
    let text = |login: &Value, key: &str| login[key].as_str().unwrap_or_default().to_owned();
    let tell = |login: &Value| {
        let epoch = login["epoch"].as_i64().unwrap_or_default();
        (text(login, "client"), text(login, "phase"), epoch)
    };
    Ok(logins.unwrap_or_default().iter().map(tell).collect())
}

#[tokio::test]
async fn e2e_logins_change_without_a_failed_request() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "logins").await?;
    let mut spec = platform.spec().await?;
    spec["signing"] = signing();
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let analytics = cluster
        .address(&platform.namespace, &platform.name, "analytics")
        .await?;
    let servers = &cluster.status.backends;
    let url = async |client: &str| -> Result<String> {
        let name = format!("{}-{client}", platform.name);
        let mut secret = cluster.secret(&platform.namespace, &name).await?;
        secret.remove("url").context("url")
    };
    let (postgres, redis) = (url("db-app").await?, url("redis-app").await?);
    backends::redis(&servers.redis, &redis).await?;
    let kafka = cluster
        .secret(&platform.namespace, &format!("{}-kafka-app", platform.name))
        .await?;
    let kafka = backends::kafka_login(&servers.kafka, &kafka)?;

    let (stop, stopped) = watch::channel(false);
    let person = Person::first(&cluster, &platform).await?;
    let team = team(&person).await?;
    let before = logins(&platform).await?;
    let begun = Instant::now();
    let turn = async {
        for backend in ["database", "redis"] {
            spec[backend]["credentials"] = json!({"rotation": 1});
        }
        spec["events"]["kafka"]["credentials"] = json!({"rotation": 1});
        platform.apply(&spec).await?;
        wait_for("every login has changed", ROTATED, async || {
            let logins = logins(&platform).await?;
            let changed = |login: &(String, String, i64)| {
                let was = before.iter().find(|was| was.0 == login.0);
                login.1 == "Active" && was.is_some_and(|was| login.2 > was.2)
            };
            ensure!(
                logins.len() == 8 && logins.iter().all(changed),
                "{logins:?}"
            );
            Ok(())
        })
        .await?;
        stop.send(true)?;
        anyhow::Ok(())
    };
    let (worked, ()) = tokio::try_join!(work(person, &team, &analytics, stopped), turn)?;
    println!(
        "eight logins changed in {} s under {} requests",
        begun.elapsed().as_secs(),
        worked.requests
    );
    ensure!(worked.refused.is_empty(), "refused: {:?}", worked.refused);
    for server in [backends::Server::Primary, backends::Server::Replica] {
        let former = backends::postgres_options(&servers.postgres, &postgres, server)?;
        ensure!(
            backends::postgres(&former).await.is_err(),
            "the former login still works on the {server:?}"
        );
    }
    ensure!(
        backends::redis(&servers.redis, &redis).await.is_err(),
        "the former user still works"
    );
    let former: BaseConsumer = kafka.create()?;
    ensure!(
        former.fetch_metadata(None, Duration::from_secs(5)).is_err(),
        "the former user of Kafka still works"
    );
    // Every event came through, and none twice.
    let person = Person::first(&cluster, &platform).await?;
    let summary = format!("/api/v1/analytics/teams/{team}/summary");
    wait_for(
        "every task is counted once",
        Duration::from_mins(1),
        async || {
            let told = person.api.at(&analytics).get(&summary).await?.data(200)?;
            let days = told["daily"].as_array().cloned().unwrap_or_default();
            let counted: i64 = days.iter().filter_map(|day| day["created"].as_i64()).sum();
            ensure!(counted == worked.tasks, "{counted} of {}", worked.tasks);
            Ok(())
        },
    )
    .await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}
