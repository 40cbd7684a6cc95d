//! Signing keys and logins rotate, and keys are revoked, under people who go on working.

use crate::logins;
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};
use tests::{
    backends,
    cluster::Cluster,
    platform::{LOGINS, Login, Platform},
    wait::wait_for,
    work::{NO_TEAM, Person, every_task_is_counted, without_limits, work},
};
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

/// How long a first installation may take on the test machine.
pub(super) const READY: Duration = Duration::from_mins(2);
/// A whole rotation of the times below, from the key set before it to the key set without the former key: no more than two
/// minutes was promised.
pub(super) const ROTATED: Duration = Duration::from_mins(2);
/// Seconds from one rotation to the next here.
pub(super) const PERIOD: u64 = 45;
/// The operator's patience with a session that is at work, which is two minutes, and as long as all the rest takes.
const LOGINS_CHANGED: Duration = Duration::from_mins(3);
/// Seconds that a token lives here.
const TOKEN: Duration = Duration::from_secs(10);

/// The shortest times that the rules allow with tokens of ten seconds.
pub(super) fn signing() -> Value {
    json!({
        "accessTokenSeconds": TOKEN.as_secs(), "jwksMaxAgeSeconds": 1, "clockSkewSeconds": 2, "propagationSeconds": 5,
        "publishLeadSeconds": 10, "retentionSeconds": 20, "rotationPeriodSeconds": PERIOD,
    })
}

/// The kid of the key that signs.
pub(super) async fn active(platform: &Platform) -> Result<String> {
    let keys = platform.signing_keys().await?;
    let active = keys.into_iter().find(|(_, phase)| phase == "Active");
    Ok(active.context("a key signs")?.0)
}

/// A Ready platform with short times.
pub(super) async fn installed(cluster: &Cluster, purpose: &str) -> Result<(Platform, Value)> {
    let platform = Platform::prepare(cluster, purpose).await?;
    let mut spec = platform.spec().await?;
    spec["signing"] = signing();
    without_limits(&mut spec);
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    Ok((platform, spec))
}

/// What `kubectl get platform -o wide` shows in the course of time, with the phases of the keys beside it.
struct Shown<'a> {
    cluster: &'a Cluster,
    platform: &'a Platform,
    lines: RefCell<Vec<(String, String)>>,
}

impl<'a> Shown<'a> {
    fn new(cluster: &'a Cluster, platform: &'a Platform) -> Self {
        let lines = RefCell::default();
        Self {
            cluster,
            platform,
            lines,
        }
    }

    fn kubectl(&self, format: &str) -> Result<String> {
        let Platform {
            namespace, name, ..
        } = self.platform;
        self.cluster
            .kubectl(&["-n", namespace, "get", "platform", name, "-o", format])
    }

    /// Looks, and keeps what differs from the last look in more than its age.
    fn look(&self, begun: Instant) -> Result<()> {
        let phases = self.kubectl("jsonpath={.status.signingKeys[*].phase}")?;
        let wide = self.kubectl("wide")?;
        let mut lines = wide.lines();
        let (heading, line) = lines.next().zip(lines.next()).context("two lines")?;
        // Its age is the last word.
        let (line_but_age, _) = line.trim_end().rsplit_once(' ').context("an age")?;
        let seen = format!("{} {phases}", line_but_age.trim_end());
        let mut lines = self.lines.borrow_mut();
        if lines.is_empty() {
            lines.push((String::new(), format!("{heading}  KEY-PHASES")));
        }
        if lines.last().is_none_or(|(last, _)| *last != seen) {
            let at = begun.elapsed().as_secs();
            lines.push((seen, format!("{line}  {phases} (after {at} s)")));
        }
        Ok(())
    }

    fn text(&self) -> String {
        let lines = self.lines.borrow();
        let lines: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        lines.join("\n")
    }
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
    let team = person.team().await?;
    let shown = Shown::new(&cluster, &platform);
    let begun = Instant::now();
    let turn = async {
        let turned = wait_for("another key signs", ROTATED, async || {
            shown.look(begun)?;
            let now = active(&platform).await?;
            ensure!(now != first, "{first} still signs");
            Ok(now)
        })
        .await?;
        wait_for("the first key has left the key set", ROTATED, async || {
            shown.look(begun)?;
            let keys = platform.signing_keys().await?;
            ensure!(keys.iter().all(|(kid, _)| *kid != first), "{keys:?}");
            Ok(())
        })
        .await?;
        stop.send(true)?;
        anyhow::Ok(turned)
    };
    let (worked, turned) = tokio::try_join!(work(person, &team, &analytics, TOKEN, stopped), turn)?;
    let took = begun.elapsed();
    println!(
        "a rotation in {} s under {} requests with tokens of {} keys",
        took.as_secs(),
        worked.requests,
        worked.kids.len()
    );
    println!("kubectl get platform -o wide, meanwhile:\n{}", shown.text());
    ensure!(took < ROTATED, "it took {} s", took.as_secs());
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

#[tokio::test]
async fn e2e_logins_change_without_a_failed_request() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "logins").await?;
    let mut spec = platform.spec().await?;
    spec["signing"] = signing();
    without_limits(&mut spec);
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
    let seen = logins::Before::of(&cluster, &platform).await?;

    let (stop, stopped) = watch::channel(false);
    let person = Person::first(&cluster, &platform).await?;
    let team = person.team().await?;
    let before = platform.logins().await?;
    let begun = Instant::now();
    let took = Mutex::new(BTreeMap::new());
    let turn = async {
        for backend in ["database", "redis"] {
            spec[backend]["credentials"] = json!({"rotation": 1});
        }
        spec["events"]["kafka"]["credentials"] = json!({"rotation": 1});
        platform.apply(&spec).await?;
        wait_for("every login has changed", LOGINS_CHANGED, async || {
            let logins = platform.logins().await?;
            let changed = |login: &Login| {
                let was = before.iter().find(|was| was.client == login.client);
                login.phase == "Active" && was.is_some_and(|was| login.epoch > was.epoch)
            };
            let mut took = took.lock().await;
            for login in logins.iter().filter(|login| changed(login)) {
                took.entry(login.client.clone())
                    .or_insert_with(|| begun.elapsed());
            }
            ensure!(
                logins.len() == LOGINS.len() && logins.iter().all(changed),
                "{logins:?}"
            );
            Ok(())
        })
        .await?;
        stop.send(true)?;
        anyhow::Ok(())
    };
    let (worked, ()) = tokio::try_join!(work(person, &team, &analytics, TOKEN, stopped), turn)?;
    println!(
        "eight logins changed in {} s under {} requests",
        begun.elapsed().as_secs(),
        worked.requests
    );
    ensure!(worked.refused.is_empty(), "refused: {:?}", worked.refused);
    println!("{}", seen.table(&took.into_inner()).await?);
    seen.compare(begun.elapsed()).await?;
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
    every_task_is_counted(&cluster, &platform, &team, &worked).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}
