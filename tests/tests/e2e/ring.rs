//! The ring of signing keys after a long pause, damage or an old backup, and with a key of somebody else beside it.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::{
    api::core::v1::{ConfigMap, Event, Secret},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{cluster::Cluster, platform::Platform, wait::wait_for, work::Person};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    away::Away,
    rotation::{PERIOD, READY, ROTATED, active, installed, signing},
};

/// How long a lost or damaged object may be missing: a changed Secret is noticed within ten seconds, and keys are made.
const MENDED: Duration = Duration::from_secs(90);

/// The key that signs, and since when.
async fn signs(platform: &Platform) -> Result<(String, Time)> {
    let keys = platform.get().await?.data["status"]["signingKeys"].take();
    let keys = keys.as_array().context("keys")?;
    let active = keys.iter().find(|key| key["phase"] == "Active");
    let active = active.context("a key signs")?;
    let kid = active["kid"].as_str().context("a kid")?.to_owned();
    Ok((kid, serde_json::from_value(active["activatedAt"].clone())?))
}

/// What the Events of a reason say.
async fn told(cluster: &Cluster, platform: &Platform, reason: &str) -> Result<Vec<String>> {
    let fields = format!("reason={reason},involvedObject.kind=Platform");
    let events = Api::<Event>::namespaced(cluster.kube.clone(), &platform.namespace);
    let events = events.list(&ListParams::default().fields(&fields)).await?;
    Ok(events
        .into_iter()
        .filter_map(|event| event.message)
        .collect())
}

#[tokio::test]
async fn e2e_long_three_missed_periods_are_one_rotation() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let (platform, _) = installed(&cluster, "missed").await?;
    let away = Away::send(&cluster).await?;
    let gone = Instant::now();
    let (first, _) = signs(&platform).await?;
    let missed = Duration::from_secs(3 * PERIOD);
    wait_for("three periods are over", missed + MENDED, async || {
        let gone = gone.elapsed();
        ensure!(gone >= missed, "{} s", gone.as_secs());
        Ok(())
    })
    .await?;
    ensure!(
        signs(&platform).await?.0 == first,
        "somebody else is at work"
    );
    let person = Person::first(&cluster, &platform).await?;
    ensure!(person.kid()? == first, "what is there works");
    away.end()?;

    let other = async |former: &str| {
        wait_for("another key signs", ROTATED, async || {
            let now = signs(&platform).await?;
            ensure!(now.0 != former, "{former} still signs");
            Ok(now)
        })
        .await
    };
    let (second, at) = other(&first).await?;
    // Were any of the missed ones made up for, the next one would come sooner.
    let (third, next) = other(&second).await?;
    let apart = next.0.as_second() - at.0.as_second();
    println!("after three missed periods one key took over, and the next one {apart} s later");
    // Both times are in whole seconds.
    ensure!(
        apart + 1 >= i64::try_from(PERIOD)?,
        "{apart} s between two rotations"
    );
    // The Event comes a moment after the status.
    wait_for("each is told once", MENDED, async || {
        let told = told(&cluster, &platform, "KeyActivated").await?;
        for kid in [&second, &third] {
            let count = told
                .iter()
                .filter(|note| note.contains(kid.as_str()))
                .count();
            ensure!(count == 1, "{kid}: {told:?}");
        }
        Ok(())
    })
    .await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// What a person has after each of these: the same session, with a token of the key that is to sign.
async fn works(person: &Person, kid: &str) -> Result<()> {
    let person = person.refreshed().await?;
    let signs = person.kid()?;
    ensure!(signs == kid, "{signs} signs, not {kid}");
    let status = person.api.get("/api/v1/users/me").await?.status;
    ensure!(status == 200, "{status}");
    Ok(())
}

#[tokio::test]
async fn e2e_long_a_damaged_older_or_foreign_key_object_gives_way() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "rings").await?;
    let mut spec = platform.spec().await?;
    spec["signing"] = signing();
    // Only what is asked for below.
    spec["signing"]["rotationPeriodSeconds"] = json!(36_000);
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let (namespace, name) = (&platform.namespace, &platform.name);
    let (keyring, jwks) = (format!("{name}-keyring"), format!("{name}-jwks"));
    let secrets = Api::<Secret>::namespaced(cluster.kube.clone(), namespace);
    let put = async |text: &str| -> Result<()> {
        let patch = Patch::Merge(json!({"stringData": {"ring.json": text}}));
        secrets
            .patch(&keyring, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    };
    let ring = async || -> Result<Value> {
        let mut secret = cluster.secret(namespace, &keyring).await?;
        let text = secret.remove("ring.json").context("ring.json")?;
        Ok(serde_json::from_str(&text)?)
    };
    // The ring once it has gone on above this generation.
    let above = async |epoch: u64| {
        wait_for("the ring is made again", MENDED, async || {
            let ring = ring().await?;
            let now = ring["epoch"].as_u64().context("an epoch")?;
            ensure!(now > epoch, "generation {now}, {epoch} before");
            Ok(now)
        })
        .await
    };
    let person = Person::first(&cluster, &platform).await?;
    let first = person.kid()?;
    let old = ring().await?;

    put("no ring at all").await?;
    let mended = above(old["epoch"].as_u64().context("an epoch")?).await?;
    let person = person.refreshed().await?;
    ensure!(person.kid()? == first, "another key signs");

    // Another key, and then the ring from before it.
    spec["signing"]["rotation"] = json!(1);
    platform.apply(&spec).await?;
    let second = wait_for("another key signs", ROTATED, async || {
        let now = active(&platform).await?;
        ensure!(now != first, "{first} still signs");
        Ok(now)
    })
    .await?;
    let person = Mutex::new(person);
    wait_for("web signs with it", MENDED, async || {
        let mut person = person.lock().await;
        *person = person.refreshed().await?;
        ensure!(person.kid()? == second, "{first} still signs");
        Ok(())
    })
    .await?;
    let person = person.into_inner();
    put(&old.to_string()).await?;
    let restored = above(mended).await?;
    let signs = active(&platform).await?;
    ensure!(signs == second, "{signs} came back with the old ring");
    works(&person, &second).await?;
    println!("a damaged ring went on at generation {mended}, an older one at {restored}");

    // Somebody who may write the key set gives themselves a key that verifies: a real one, of another Platform.
    let sample = Platform::ready_sample(&cluster).await?;
    let theirs = format!("{}-jwks", sample.name);
    let theirs = cluster
        .config_file(&sample.namespace, &theirs, "jwks.json")
        .await?;
    let theirs: Value = serde_json::from_str(&theirs)?;
    let foreign = &theirs["keys"][0];
    let kid = foreign["kid"].as_str().context("a kid")?;
    let set = cluster.config_file(namespace, &jwks, "jwks.json").await?;
    let mut set: Value = serde_json::from_str(&set)?;
    let keys = set["keys"].as_array_mut().context("keys")?;
    keys.push(foreign.clone());
    let meta = json!({"epoch": 9_000, "dataTimestamp": "2099-01-01T00:00:00Z"});
    let data = json!({"jwks.json": set.to_string(), "meta.json": meta.to_string()});
    let maps = Api::<ConfigMap>::namespaced(cluster.kube.clone(), namespace);
    let patch = Patch::Merge(json!({"data": data}));
    maps.patch(&jwks, &PatchParams::default(), &patch).await?;
    wait_for("the key is out again", MENDED, async || {
        let set = cluster.config_file(namespace, &jwks, "jwks.json").await?;
        ensure!(!set.contains(kid), "{kid} verifies");
        Ok(())
    })
    .await?;
    let ring = ring().await?;
    ensure!(!ring.to_string().contains(kid), "{kid} is in the ring");
    let known = platform.signing_keys().await?;
    ensure!(known.iter().all(|(known, _)| known != kid), "{known:?}");
    let still = active(&platform).await?;
    ensure!(still == second, "{still} signs");
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(namespace).await
}
