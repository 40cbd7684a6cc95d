//! What a person changes or deletes is put back within seconds, and what a person changes of their own is followed
//! within seconds.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};

/// How long a first installation may take on the test machine.
const READY: Duration = Duration::from_mins(2);
/// How long an object may stand otherwise than wanted, and a Secret of the user be changed without an effect.
const SOON: Duration = Duration::from_secs(10);

/// The platform that is interfered with.
struct Target {
    cluster: Cluster,
    platform: Platform,
}

/// What matters of an object, and which one it is.
#[derive(Debug, PartialEq)]
struct Seen {
    content: Value,
    uid: String,
    version: String,
}

impl Target {
    /// An object of the platform's namespace.
    fn see(&self, object: &str) -> Result<Seen> {
        let text = self.kubectl(&["get", object, "-o", "json"])?;
        let mut object: Value = serde_json::from_str(&text)?;
        let metadata = object["metadata"].take();
        let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
        let mut content = json!({"labels": metadata["labels"], "ownerReferences": metadata["ownerReferences"]});
        for key in ["spec", "data", "automountServiceAccountToken"] {
            content[key] = object[key].take();
        }
        // Given by Kubernetes to each new Service.
        if let Some(spec) = content["spec"].as_object_mut() {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        Ok(Seen {
            content,
            uid: text("uid"),
            version: text("resourceVersion"),
        })
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut all = vec!["-n", &self.platform.namespace];
        all.extend(arguments);
        self.cluster.kubectl(&all)
    }

    /// Does something to an object, and waits until it is as it was. Tells how long that took.
    async fn put_back(&self, object: &str, act: &[&str]) -> Result<()> {
        let before = self.see(object)?;
        let mut act = act.to_vec();
        act.insert(1, object);
        self.kubectl(&act)?;
        let begun = tokio::time::Instant::now();
        wait_for(&format!("{object} is put back after {}", act[0]), SOON, async || {
            let now = self.see(object)?;
            ensure!(
                now.version != before.version,
                "the change had no effect: {now:?}"
            );
            ensure!(now.content == before.content, "{:?}", now.content);
            Ok(())
        })
        .await?;
        println!("{object}: {} put back within {} ms", act[0], begun.elapsed().as_millis());
        Ok(())
    }
}

#[tokio::test]
async fn e2e_what_is_changed_or_deleted_is_put_back_within_seconds() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "drift").await?;
    let mut spec = platform.spec().await?;
    // A budget exists from two pods on.
    spec["roles"]["beat"]["enabled"] = json!(false);
    spec["roles"]["web"]["replicas"] = json!(2);
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let target = Target { cluster, platform };

    let patch = |body: Value| vec!["patch".to_owned(), "--type=merge".to_owned(), format!("-p={body}")];
    let delete = || vec!["delete".to_owned(), "--wait=true".to_owned()];
    let no_owner = json!({"metadata": {"ownerReferences": null}});
    let no_label = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}});
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("service/p-web", patch(json!({"spec": {"selector": {"app.kubernetes.io/component": "none"}}}))),
        ("service/p-web", patch(no_owner.clone())),
        ("service/p-realtime", delete()),
        ("poddisruptionbudget/p-web", patch(json!({"spec": {"maxUnavailable": 2}}))),
        ("poddisruptionbudget/p-web", delete()),
        ("serviceaccount/p-worker", patch(json!({"automountServiceAccountToken": true}))),
        ("serviceaccount/p-worker", delete()),
        ("configmap/p-worker-config", patch(json!({"data": {"crewdeck.toml": "by hand"}}))),
        ("configmap/p-worker-config", patch(no_label)),
        ("configmap/p-web-config", delete()),
        ("configmap/p-jwks", patch(json!({"data": {"jwks.json": "{\"keys\":[]}"}}))),
        ("deployment/p-analytics", patch(json!({"spec": {"revisionHistoryLimit": 7}}))),
        ("secret/p-signing", patch(json!({"data": {"signing.jwk": "e30="}}))),
        ("secret/p-signing", delete()),
    ];
    for (object, act) in &cases {
        let act: Vec<&str> = act.iter().map(String::as_str).collect();
        target.put_back(object, &act).await?;
    }
    target.platform.ready(READY).await?;
    target.platform.delete(Duration::from_mins(1)).await?;
    target.cluster.delete_namespace(&target.platform.namespace).await
}

#[tokio::test]
async fn e2e_a_changed_secret_of_the_user_is_followed_within_seconds() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "followed").await?;
    platform.apply(&platform.spec().await?).await?;
    platform.ready(READY).await?;
    for (backend, condition) in [
        ("postgres", "DatabaseReady"),
        ("redis", "RedisReady"),
        ("kafka", "EventsReady"),
    ] {
        let name = platform.secret(backend);
        let right: BTreeMap<String, String> = cluster.secret(&platform.namespace, &name).await?;
        let mut wrong = right.clone();
        wrong.insert("password".to_owned(), "wrong".to_owned());
        platform.write_secret(backend, &wrong).await?;
        let told = platform.told(condition, &name, SOON).await?;
        ensure!(told.reason == "LoginRefused", "{backend}: {told:?}");
        platform.write_secret(backend, &right).await?;
        platform.ready(SOON).await?;

        cluster.kubectl(&["-n", &platform.namespace, "delete", "secret", &name])?;
        let told = platform.told(condition, &name, SOON).await?;
        ensure!(told.reason == "SecretNotFound", "{backend}: {told:?}");
        platform.write_secret(backend, &right).await?;
        platform.ready(SOON).await?;
    }
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}
