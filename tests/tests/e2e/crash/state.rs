//! What there is of a platform in the cluster and on its servers, in a form in which two runs can be compared.

use super::mask::Mask;
use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::{
    backends,
    cluster::{Backend, Cluster},
    external,
    platform::Platform,
};

/// Kinds of the operator's objects.
const KINDS: &str = "deployments,services,secrets,configmaps,serviceaccounts,jobs,poddisruptionbudgets,networkpolicies";

/// Each thing with what matters of it.
pub(super) type State = BTreeMap<String, String>;

/// Everything that is there now.
pub(super) async fn state(cluster: &Cluster, platform: &Platform, mask: &Mask) -> Result<State> {
    let mut state = objects(cluster, platform, mask)?;
    for name in on_servers(cluster, mask).await? {
        state.insert(name, String::new());
    }
    let object = platform.get().await;
    if let Ok(object) = object {
        // A user is shut, saved and then dropped. Who dies before that is saved leaves one in the file that nobody can log in
        // as, until the next save; after a restart of the server the next pass drops it again.
        state.retain(|name, _| !(name.starts_with("saved user ") && name.ends_with(" off")));
        let status = conditions(&object.data["status"]);
        state.insert("status".to_owned(), mask.text(&status.to_string()));
    }
    Ok(state)
}

/// Databases, roles and which of them may log in, users and which of them are saved, topics.
async fn on_servers(cluster: &Cluster, mask: &Mask) -> Result<BTreeSet<String>> {
    let servers = &cluster.status.backends;
    let mut names = external::named(servers, mask.prefix()).await?;
    let mut postgres = backends::postgres_admin(&servers.postgres, "postgres").await?;
    let logins: Vec<String> =
        sqlx::query_scalar("select 'login ' || rolname from pg_roles where rolcanlogin")
            .fetch_all(&mut postgres)
            .await?;
    let saved = saved_users(&servers.redis).await?;
    let ours = |name: &String| name.replace('_', "-").contains(mask.prefix());
    names.extend(logins.into_iter().chain(saved).filter(ours));
    Ok(names.iter().map(|name| mask.text(name)).collect())
}

/// Users of Redis that a restart would bring back.
async fn saved_users(server: &Backend) -> Result<Vec<String>> {
    let mut connection = backends::redis_admin(server).await?;
    let (_, file): (String, String) = redis::cmd("CONFIG")
        .arg(&["GET", "aclfile"])
        .query_async(&mut connection)
        .await?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    let users = text.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some(format!("saved user {} {}", words.next()?, words.next()?))
    });
    Ok(users.collect())
}

fn objects(cluster: &Cluster, platform: &Platform, mask: &Mask) -> Result<State> {
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        KINDS,
        "-l",
        &platform.labels(),
        "-o",
        "json",
    ])?;
    let mut list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array_mut().context("a list")?;
    let mut state = State::new();
    for item in items {
        let kind = item["kind"].as_str().unwrap_or_default();
        let name = item["metadata"]["name"].as_str().unwrap_or_default();
        let name = mask.object(&format!("{kind}/{name}"));
        state.insert(name, mask.text(&content(item).to_string()));
    }
    Ok(state)
}

/// What matters of an object.
fn content(object: &mut Value) -> Value {
    let metadata = object["metadata"].take();
    let owners = metadata["ownerReferences"].as_array();
    let owners: Vec<_> = owners
        .into_iter()
        .flatten()
        .map(|owner| json!([owner["kind"], owner["name"], owner["controller"]]))
        .collect();
    let mut annotations = metadata["annotations"].clone();
    if let Some(annotations) = annotations.as_object_mut() {
        // Counts the shapes that a Deployment has had; the ReplicaSets are counted elsewhere.
        annotations.remove("deployment.kubernetes.io/revision");
    }
    let mut content = json!({
        "labels": metadata["labels"], "annotations": annotations, "owners": owners,
        "finalizers": metadata["finalizers"],
    });
    let secret = object["kind"] == "Secret";
    let Some(fields) = object.as_object_mut() else {
        return content;
    };
    for (key, value) in std::mem::take(fields) {
        if !["status", "metadata", "apiVersion"].contains(&key.as_str()) {
            content[key] = value;
        }
    }
    if let Some(spec) = content["spec"].as_object_mut() {
        // Given by Kubernetes.
        for key in ["clusterIP", "clusterIPs", "selector"] {
            spec.remove(key);
        }
    }
    // Labels of a Job's pods with its uid.
    if content["kind"] == "Job"
        && let Some(template) = content["spec"]["template"].as_object_mut()
    {
        template.remove("metadata");
    }
    if let Some(data) = content["data"].as_object_mut() {
        for (key, value) in data.iter_mut() {
            let text = value.as_str().unwrap_or_default().to_owned();
            *value = if secret {
                shown(key, &decoded(&text))
            } else {
                published(key, &text)
            };
        }
    }
    content
}

fn decoded(text: &str) -> String {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// What may be compared of a secret value: who logs in, not with what.
fn shown(key: &str, value: &str) -> Value {
    match key {
        "username" | "rotation" => json!(value),
        "url" => {
            let (login, rest) = value.rsplit_once('@').unwrap_or_default();
            let user = login.rsplit_once(':').map_or("", |(user, _)| user);
            json!(format!("{user}@{rest}"))
        }
        // How many keys of which state.
        "ring.json" => {
            let ring: Value = serde_json::from_str(value).unwrap_or_default();
            let keys = ring["keys"].as_array().cloned().unwrap_or_default();
            json!(keys.iter().map(|key| &key["state"]).collect::<Vec<_>>())
        }
        _ => json!("secret"),
    }
}

/// A key set has other keys each time.
fn published(key: &str, text: &str) -> Value {
    match key {
        "jwks.json" => {
            let set: Value = serde_json::from_str(text).unwrap_or_default();
            json!(set["keys"].as_array().map(Vec::len))
        }
        "meta.json" | "seal.json" => json!("of this run"),
        _ => json!(text),
    }
}

/// What the status tells, without its words and times.
fn conditions(status: &Value) -> Value {
    let pick = |list: &str, keys: &[&str]| -> Vec<Value> {
        let items = status[list].as_array().cloned().unwrap_or_default();
        let picked = |item: &Value| {
            let fields = keys
                .iter()
                .map(|key| ((*key).to_owned(), item[*key].clone()));
            Value::Object(fields.collect::<Map<_, _>>())
        };
        items.iter().map(picked).collect()
    };
    json!({
        "conditions": pick("conditions", &["type", "status", "reason"]),
        "roles": pick("roles", &["role", "desired", "ready", "version"]),
        "keys": pick("signingKeys", &["phase"]),
        "logins": pick("credentials", &["client", "phase"]),
        "version": status["version"], "plan": status["plan"], "topics": status["topics"],
        "waits": status["waitingOn"].is_object(),
    })
}
