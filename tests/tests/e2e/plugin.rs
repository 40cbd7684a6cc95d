//! `kubectl crewdeck`: the real program on a real cluster. What it says word by word is tested beside its code.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::ListParams};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};
use tests::{cluster::Cluster, platform::Platform};

/// How long the operator may take to say what is wrong.
const TOLD: Duration = Duration::from_mins(1);
/// How long a first installation may take on the test machine, with the minute after which missing rights are tried again.
const READY: Duration = Duration::from_mins(3);

/// The sample, and the way to ask about it.
struct Sample {
    cluster: Cluster,
    platform: Platform,
}

impl Sample {
    async fn ready() -> Result<Self> {
        let cluster = Cluster::connect().await?;
        let platform = Platform::ready_sample(&cluster).await?;
        Ok(Self { cluster, platform })
    }

    /// What a command says in words.
    fn text(&self, arguments: &[&str]) -> Result<String> {
        let namespaced = [arguments, &["--namespace", &self.platform.namespace]].concat();
        self.cluster.plugin(&namespaced)?.text(0)
    }

    /// What a command says to a program.
    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.text(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
    }
}

/// The elements of a list.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn e2e_kubectl_finds_the_plugin() -> Result<()> {
    let sample = Sample::ready().await?;
    let folder = std::env::temp_dir().join(format!("kubectl-crewdeck-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    symlink(
        &sample.cluster.status.binary,
        folder.join("kubectl-crewdeck"),
    )?;
    let output = Command::new(sample.cluster.status.bin.join("kubectl"))
        .args(["crewdeck", "status", &sample.platform.name])
        .args(["--namespace", &sample.platform.namespace])
        .env("KUBECONFIG", &sample.cluster.status.admin_kubeconfig)
        .env("PATH", &folder)
        .stdin(Stdio::null())
        .output();
    std::fs::remove_dir_all(&folder)?;
    let output = output?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        text.contains("is Ready") && !text.contains('\x1b'),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn e2e_the_plugin_tells_how_a_platform_stands() -> Result<()> {
    let sample = Sample::ready().await?;
    let name = sample.platform.name.as_str();

    let status = sample.json(&["status", name])?;
    ensure!(status["ready"] == true, "{status}");
    ensure!(list(&status, "roles").len() == 6, "{status}");
    // Through the API server's proxy.
    ensure!(list(&status, "notReadable").is_empty(), "{status}");
    ensure!(
        list(&status, "load")
            .iter()
            .any(|load| load["role"] == "worker"),
        "{status}"
    );

    let keys = sample.json(&["keys", name])?;
    let active = list(&keys, "keys")
        .iter()
        .filter(|key| key["phase"] == "Active")
        .count();
    ensure!(active == 1, "{keys}");
    let logins = sample.json(&["credentials", name])?;
    ensure!(list(&logins, "credentials").len() == 8, "{logins}");

    let log = sample.text(&["logs", "web", name, "--tail", "5"])?;
    ensure!(
        !log.is_empty() && log.lines().all(|line| line.starts_with("web-")),
        "{log}"
    );
    let log = sample.text(&["logs", "migrate", name])?;
    ensure!(
        log.lines().all(|line| line.starts_with("migrate-")),
        "{log}"
    );

    let leaks = sample.json(&["leaks", name])?;
    ensure!(list(&leaks, "things").is_empty(), "{leaks}");
    Ok(())
}

/// The Secrets of the sample are real ones: not one of their passwords and private keys is in its report.
#[tokio::test]
async fn e2e_a_report_holds_no_secret() -> Result<()> {
    let sample = Sample::ready().await?;
    let namespace = sample.platform.namespace.as_str();
    let file: PathBuf =
        std::env::temp_dir().join(format!("crewdeck-report-{}.tar.gz", std::process::id()));
    let path = file.to_string_lossy().into_owned();
    let told = sample.json(&["report", &sample.platform.name, "-f", &path]);
    let unpacked = Command::new("tar").args(["-xzOf", &path]).output();
    std::fs::remove_file(&file)?;
    let (told, unpacked) = (told?, unpacked?);
    // A container that is just starting has no log, and not always one of its life before.
    let is_log = |line: &Value| line.as_str().is_some_and(|line| line.contains(".log: "));
    ensure!(list(&told, "notReadable").iter().all(is_log), "{told}");
    let entries: Vec<&str> = list(&told, "entries")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for wanted in ["platform.yaml", "ledger.yaml", "operator/pods.yaml"] {
        ensure!(entries.contains(&wanted), "{entries:?}");
    }
    ensure!(
        entries
            .iter()
            .any(|entry| entry.starts_with("logs/demo-web-")),
        "{entries:?}"
    );

    let text = String::from_utf8_lossy(&unpacked.stdout);
    ensure!(
        text.contains("kind: Platform"),
        "the archive can be unpacked"
    );
    let secrets = Api::<Secret>::namespaced(sample.cluster.kube.clone(), namespace)
        .list(&ListParams::default())
        .await?;
    let values = secrets
        .items
        .into_iter()
        .flat_map(|secret| secret.data.unwrap_or_default());
    let canaries: BTreeSet<String> = values
        .flat_map(|(key, value)| canaries(&key, &String::from_utf8_lossy(&value.0)))
        .collect();
    ensure!(
        canaries.len() > 10,
        "only {} secrets to look for",
        canaries.len()
    );
    for canary in &canaries {
        ensure!(
            !text.contains(canary.as_str()),
            "a secret of {} characters is in the report",
            canary.len()
        );
    }
    Ok(())
}

/// What must not be told of the value of a Secret: a password, the password of a URL, private parts of keys.
fn canaries(key: &str, value: &str) -> Vec<String> {
    let mut found = Vec::new();
    if key == "password" {
        found.push(value.to_owned());
    }
    let login = value
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    found.extend(login.and_then(|(login, _)| Some(login.split_once(':')?.1.to_owned())));
    let parts = value.split("\"d\":\"").skip(1);
    found.extend(parts.filter_map(|part| Some(part.split_once('"')?.0.to_owned())));
    found.retain(|canary| canary.len() >= 8);
    found
}

/// A Platform without its rights says so; with what `grant` prints it becomes Ready, and obeys the plugin.
#[tokio::test]
async fn e2e_a_grant_is_all_that_a_platform_lacks() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::named(&cluster, "plugin").await?;
    let (name, namespace) = (platform.name.as_str(), platform.namespace.as_str());
    let plugin =
        |arguments: &[&str]| cluster.plugin(&[arguments, &["--namespace", namespace]].concat());
    platform.apply(&platform.spec().await?).await?;
    platform
        .told("Ready", "kubectl crewdeck grant", TOLD)
        .await?;
    let status = plugin(&["status", name])?.text(3)?;
    ensure!(status.contains("SecretForbidden"), "{status}");

    let rights = plugin(&["grant", name])?.text(0)?;
    let file = std::env::temp_dir().join(format!("{namespace}-rights.yaml"));
    std::fs::write(&file, rights)?;
    let applied = cluster.kubectl(&["apply", "--filename", &file.to_string_lossy()]);
    std::fs::remove_file(&file)?;
    applied?;
    platform.ready(READY).await?;
    plugin(&["status", name])?.text(0)?;

    let keys: Value = serde_json::from_str(&plugin(&["keys", name, "-o", "json"])?.text(0)?)?;
    let kid = |phase: &str| {
        let key = list(&keys, "keys").iter().find(|key| key["phase"] == phase);
        key.and_then(|key| key["kid"].as_str())
            .with_context(|| format!("no {phase} key: {keys}"))
    };
    let published = kid("Published")?;
    let unsure = plugin(&["keys", name, "--revoke", published, "--reason", "a drill"])?;
    ensure!(
        unsure.code == Some(1) && unsure.words.contains("--yes"),
        "{unsure:?}"
    );
    plugin(&[
        "keys", name, "--revoke", published, "--reason", "a drill", "--yes",
    ])?
    .text(0)?;
    plugin(&["keys", name, "--rotate"])?.text(0)?;
    plugin(&["credentials", name, "--rotate", "redis"])?.text(0)?;
    let spec = platform.get().await?.data["spec"].clone();
    ensure!(spec["signing"]["revoke"][0]["kid"] == published, "{spec}");
    ensure!(spec["signing"]["rotation"] == 1, "{spec}");
    ensure!(spec["redis"]["credentials"]["rotation"] == 1, "{spec}");

    platform.delete(READY).await?;
    cluster.delete_namespace(namespace).await
}
