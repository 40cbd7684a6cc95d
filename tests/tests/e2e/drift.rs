//! What a person changes or deletes is put back within seconds, and what a person changes of their own is followed
//! within seconds.

mod lost;

use crate::rolls::{nothing_rolled_twice, only_the_role_that_was_changed_rolls};
use anyhow::{Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};

/// How long a first installation may take on the test machine.
const READY: Duration = Duration::from_mins(2);
/// How long an object may stand otherwise than wanted, and a Secret of the user be changed without an effect.
const SOON: Duration = Duration::from_secs(10);

/// Changes an object as a person would, and waits until its spec is as it was: time and again within seconds, which no regular pass
/// once a minute would do. A kind that has come is watched some time `later`.
pub(crate) async fn is_put_back_soon<K>(
    api: &Api<K>,
    name: &str,
    change: &Value,
    later: Duration,
) -> Result<()>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    for limit in [SOON + later, SOON + later, SOON, SOON, SOON] {
        is_put_back(api, name, change, limit).await?;
    }
    Ok(())
}

async fn is_put_back<K>(api: &Api<K>, name: &str, change: &Value, limit: Duration) -> Result<()>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let see = async || -> Result<Value> { Ok(serde_json::to_value(api.get(name).await?)?) };
    let before = see().await?;
    let person = PatchParams {
        field_manager: Some("person".to_owned()),
        ..PatchParams::default()
    };
    api.patch(name, &person, &Patch::Merge(change)).await?;
    let changed = see().await?;
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    ensure!(
        version(&changed) != version(&before),
        "the change had no effect"
    );
    wait_for(
        &format!("{name} is put back after {change}"),
        limit,
        async || {
            let now = see().await?;
            ensure!(now["spec"] == before["spec"], "{}", now["spec"]);
            Ok(())
        },
    )
    .await
}

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
        let mut content =
            json!({"labels": metadata["labels"], "ownerReferences": metadata["ownerReferences"]});
        for key in ["spec", "data", "automountServiceAccountToken"] {
            content[key] = object[key].take();
        }
        // A key set that was edited is published anew: its keys are the same, its generation is the next one, and so is
        // the proof of both.
        if let Some(data) = content["data"].as_object_mut() {
            data.remove("meta.json");
            data.remove("seal.json");
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
    async fn put_back(&self, object: &str, act: &[&str]) -> Result<Duration> {
        let before = self.see(object)?;
        let mut act = act.to_vec();
        act.insert(1, object);
        self.kubectl(&act)?;
        let begun = tokio::time::Instant::now();
        wait_for(
            &format!("{object} is put back after {}", act[0]),
            SOON,
            async || {
                let now = self.see(object)?;
                ensure!(
                    now.version != before.version,
                    "the change had no effect: {now:?}"
                );
                ensure!(now.content == before.content, "{:?}", now.content);
                Ok(())
            },
        )
        .await?;
        Ok(begun.elapsed())
    }
}

impl Target {
    /// What was put right is held as everything else: it goes when it is wanted no longer.
    fn holds_by_applying_alone(&self) -> Result<()> {
        let service = [
            "get",
            "service/p-web",
            "-o",
            "json",
            "--show-managed-fields",
        ];
        let service: Value = serde_json::from_str(&self.kubectl(&service)?)?;
        let fields = service["metadata"]["managedFields"].as_array();
        let written = |entry: &&Value| {
            entry["manager"] == "crewdeck-operator" && entry["operation"] == "Update"
        };
        let written: Vec<&Value> = fields.into_iter().flatten().filter(written).collect();
        ensure!(written.is_empty(), "{written:?}");
        Ok(())
    }

    /// What another manager puts beside ours stays, also when an item of theirs in a list that is ours alone goes.
    async fn leaves_what_is_of_others(&self) -> Result<()> {
        let object = "deployment/p-realtime";
        let theirs = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "p-realtime", "namespace": self.platform.namespace},
            "spec": {"template": {"spec": {
                "volumes": [{"name": "mesh", "emptyDir": {}}],
                "containers": [{"name": "crewdeck", "env": [{"name": "MESH", "value": "1"}]}],
            }}},
        });
        let file = std::env::temp_dir().join(format!("{}.json", self.platform.namespace));
        std::fs::write(&file, theirs.to_string())?;
        let path = file.to_string_lossy();
        let applied = [
            "apply",
            "--server-side",
            "--field-manager=mesh",
            "-f",
            &path,
        ];
        let applied = self.kubectl(&applied);
        std::fs::remove_file(&file)?;
        applied?;
        let secrets = json!([{"op": "add", "path": "/spec/template/spec/imagePullSecrets", "value": [{"name": "theirs"}]}]);
        self.kubectl(&["patch", object, "--type=json", &format!("-p={secrets}")])?;
        wait_for(
            "the list that is ours alone is put back",
            SOON,
            async || {
                let spec = self.see(object)?.content["spec"]["template"]["spec"].take();
                ensure!(spec["imagePullSecrets"].is_null(), "{spec}");
                let has = |list: &Value, name: &str| {
                    let mut items = list.as_array().into_iter().flatten();
                    items.any(|item| item["name"] == name)
                };
                ensure!(has(&spec["volumes"], "mesh"), "their volume went: {spec}");
                let env = &spec["containers"][0]["env"];
                ensure!(has(env, "MESH"), "their variable went: {spec}");
                Ok(())
            },
        )
        .await
    }
}

/// What a person does to the objects of a platform: arguments of kubectl, without the object.
fn interferences() -> Vec<(&'static str, Vec<String>)> {
    let patch = |body: Value| {
        vec![
            "patch".to_owned(),
            "--type=merge".to_owned(),
            format!("-p={body}"),
        ]
    };
    let delete = || vec!["delete".to_owned(), "--wait=true".to_owned()];
    let ports = |change: Value| {
        vec![
            "patch".to_owned(),
            "--type=json".to_owned(),
            format!("-p=[{change}]"),
        ]
    };
    let no_owner = json!({"metadata": {"ownerReferences": null}});
    let no_label = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}});
    vec![
        (
            "service/p-web",
            patch(json!({"spec": {"selector": {"app.kubernetes.io/component": "none"}}})),
        ),
        // By another key it is another port, which server-side apply puts ours beside, or refuses.
        (
            "service/p-web",
            ports(json!({"op": "replace", "path": "/spec/ports/0/port", "value": 81})),
        ),
        (
            "service/p-web",
            ports(
                json!({"op": "add", "path": "/spec/ports/-", "value": {"name": "other", "port": 82}}),
            ),
        ),
        ("service/p-web", patch(no_owner.clone())),
        ("service/p-realtime", delete()),
        (
            "poddisruptionbudget/p-web",
            patch(json!({"spec": {"maxUnavailable": 2}})),
        ),
        ("poddisruptionbudget/p-web", delete()),
        (
            "poddisruptionbudget/p-realtime",
            patch(json!({"spec": {"maxUnavailable": 2}})),
        ),
        ("poddisruptionbudget/p-realtime", delete()),
        (
            "networkpolicy/p-worker",
            patch(json!({"spec": {"egress": [{}]}})),
        ),
        ("networkpolicy/p-migrate", delete()),
        (
            "ingress/p",
            patch(json!({"spec": {"ingressClassName": "other"}})),
        ),
        ("ingress/p-realtime", delete()),
        (
            "deployment/p-worker",
            vec!["scale".to_owned(), "--replicas=3".to_owned()],
        ),
        (
            "serviceaccount/p-worker",
            patch(json!({"automountServiceAccountToken": true})),
        ),
        ("serviceaccount/p-worker", delete()),
        (
            "configmap/p-worker-config",
            patch(json!({"data": {"crewdeck.toml": "by hand"}})),
        ),
        ("configmap/p-worker-config", patch(no_label)),
        ("configmap/p-web-config", delete()),
        (
            "configmap/p-jwks",
            patch(json!({"data": {"jwks.json": "{\"keys\":[]}"}})),
        ),
        (
            "deployment/p-analytics",
            patch(json!({"spec": {"revisionHistoryLimit": 7}})),
        ),
        (
            "deployment/p-worker",
            patch(json!({"spec": {"paused": true}})),
        ),
        (
            "secret/p-signing",
            patch(json!({"data": {"signing.jwk": "e30="}})),
        ),
        ("secret/p-signing", delete()),
    ]
}

#[tokio::test]
async fn e2e_what_is_changed_or_deleted_is_put_back_within_seconds() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "drift").await?;
    let mut spec = platform.spec().await?;
    // A budget exists from two pods on.
    spec["roles"]["beat"]["enabled"] = json!(false);
    for role in ["web", "realtime"] {
        spec["roles"][role]["replicas"] = json!(2);
    }
    spec["exposure"] = json!({"ingress": {"className": "any"}});
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let target = Target { cluster, platform };

    for (object, act) in &interferences() {
        let act: Vec<&str> = act.iter().map(String::as_str).collect();
        let took = target.put_back(object, &act).await?;
        println!(
            "{object}: {} put back within {} ms",
            act[0],
            took.as_millis()
        );
    }
    target.holds_by_applying_alone()?;
    target.leaves_what_is_of_others().await?;
    target.logins_come_back().await?;
    target.the_password_of_a_secret_counts().await?;
    target.the_ledger_comes_back().await?;
    // The last role: no other one waits for its pods.
    target
        .put_back("deployment/p-analytics-worker", &["delete"])
        .await?;
    target.the_release_comes_back().await?;
    target.platform.ready(READY).await?;
    // Kafka may count a pod that was ended while it started as a member of its group for 45 s.
    target.platform.delete(Duration::from_mins(2)).await?;
    target
        .cluster
        .delete_namespace(&target.platform.namespace)
        .await
}

/// Names of the objects of a role.
fn of_role(cluster: &Cluster, platform: &Platform, role: &str) -> Result<Vec<String>> {
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        "deployments,services,configmaps,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers,networkpolicies,pods",
        "-l",
        &format!("{},app.kubernetes.io/component={role}", platform.labels()),
        "-o",
        "name",
    ])?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Annotations of the template of a role's pods, on the pods that are there.
async fn marks(cluster: &Cluster, platform: &Platform, role: &str) -> Result<Vec<Option<String>>> {
    let labels = format!("{},app.kubernetes.io/component={role}", platform.labels());
    let pods = cluster.pods(&platform.namespace, &labels).await?;
    let mark = |pod: k8s_openapi::api::core::v1::Pod| pod.metadata.annotations?.remove("e2e");
    Ok(pods.into_iter().map(mark).collect())
}

#[tokio::test]
async fn e2e_a_role_goes_with_all_of_it_and_the_last_spec_wins() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "changed").await?;
    let mut spec = platform.spec().await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    nothing_rolled_twice(&cluster, &platform).await?;
    only_the_role_that_was_changed_rolls(&cluster, &platform, &mut spec).await?;
    let before = of_role(&cluster, &platform, "realtime")?;
    ensure!(before.len() >= 6, "{before:?}");
    let logins = [
        "db-analytics-reader",
        "db-analytics-owner",
        "redis-analytics",
        "kafka-analytics",
    ];
    let secrets = async || -> Result<Vec<BTreeMap<String, String>>> {
        let mut secrets = Vec::new();
        for login in logins {
            let name = platform.secret(login);
            secrets.push(cluster.secret(&platform.namespace, &name).await?);
        }
        Ok(secrets)
    };
    let kept = secrets().await?;
    for role in ["realtime", "analytics", "analyticsWorker"] {
        spec["roles"][role]["enabled"] = json!(false);
    }
    platform.apply(&spec).await?;
    wait_for("nothing of the roles is left", READY, async || {
        for role in ["realtime", "analytics", "analytics-worker"] {
            let left = of_role(&cluster, &platform, role)?;
            ensure!(left.is_empty(), "{left:?}");
        }
        Ok(())
    })
    .await?;
    platform.ready(READY).await?;
    // What they have on the servers stays as it is, so that they go on where they were.
    ensure!(secrets().await? == kept, "a login has changed");
    let status = platform.get().await?.data["status"]["roles"].to_string();
    ensure!(!status.contains("realtime"), "{status}");

    // Each change comes while the roll of the one before is under way.
    for role in ["realtime", "analytics", "analyticsWorker"] {
        spec["roles"][role]["enabled"] = json!(true);
    }
    for mark in ["first", "second", "third"] {
        for role in ["web", "worker"] {
            spec["roles"][role]["template"]["podAnnotations"]["e2e"] = json!(mark);
        }
        platform.apply(&spec).await?;
        wait_for(&format!("{mark} has begun"), READY, async || {
            let marks = marks(&cluster, &platform, "web").await?;
            ensure!(marks.contains(&Some(mark.to_owned())), "{marks:?}");
            Ok(())
        })
        .await?;
    }
    platform.ready(READY).await?;
    for role in ["web", "worker"] {
        wait_for(
            &format!("{role} has the last spec alone"),
            READY,
            async || {
                let marks = marks(&cluster, &platform, role).await?;
                ensure!(marks == [Some("third".to_owned())], "{marks:?}");
                Ok(())
            },
        )
        .await?;
    }
    ensure!(
        of_role(&cluster, &platform, "realtime")?.len() >= 6,
        "the role that was switched on again is not whole"
    );
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

#[tokio::test]
async fn e2e_a_paused_platform_is_looked_at_and_left() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "paused").await?;
    let mut spec = platform.spec().await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    spec["suspend"] = json!(true);
    platform.apply(&spec).await?;
    let calm = async || {
        let generation = platform
            .get()
            .await?
            .metadata
            .generation
            .unwrap_or_default();
        wait_for("it is calm", SOON, async || {
            let conditions = platform.conditions().await?;
            let told = |kind: &str| {
                let condition = conditions.get(kind);
                condition.map(|told| (told.status.clone(), told.reason.clone(), told.generation))
            };
            for (kind, status) in [
                ("Ready", "True"),
                ("Stalled", "False"),
                ("Reconciling", "False"),
            ] {
                let wanted = Some((status.to_owned(), "Suspended".to_owned(), generation));
                ensure!(told(kind) == wanted, "{kind}: {conditions:?}");
            }
            Ok(())
        })
        .await
    };
    calm().await?;
    let target = Target {
        cluster,
        platform: platform.clone(),
    };
    let before = target.see("service/p-web")?;
    let port = "-p=[{\"op\":\"replace\",\"path\":\"/spec/ports/0/port\",\"value\":81}]";
    target.kubectl(&["patch", "service/p-web", "--type=json", port])?;
    let told = platform.told("Ready", "p-web", SOON).await?;
    ensure!(told.reason == "Drifted", "{told:?}");
    ensure!(
        target.see("service/p-web")?.content != before.content,
        "it was put back"
    );
    spec["suspend"] = json!(false);
    platform.apply(&spec).await?;
    platform.ready(SOON).await?;
    ensure!(
        target.see("service/p-web")?.content == before.content,
        "it was not put back"
    );
    platform.delete(Duration::from_mins(1)).await?;
    target.cluster.delete_namespace(&platform.namespace).await
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
