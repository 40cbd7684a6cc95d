//! The chart of a platform, as a person uses it: install, wait, test, uninstall.

use anyhow::{Result, ensure};
use serde_json::json;
use std::time::Duration;
use tests::{
    cluster::Cluster,
    platform::{CHART, Platform},
};

#[tokio::test]
async fn e2e_a_release_is_installed_tested_and_uninstalled() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::named(&cluster, "release").await?;
    let (name, namespace) = (platform.name.as_str(), platform.namespace.as_str());

    let values = std::env::temp_dir().join(format!("{namespace}-values.json"));
    std::fs::write(&values, json!({"spec": platform.spec().await?}).to_string())?;
    let file = values.to_string_lossy().into_owned();
    let installed = cluster.helm(&["install", name, CHART, "-n", namespace, "--values", &file]);
    std::fs::remove_file(&values)?;
    let notes = installed?;
    ensure!(
        notes.contains("kubectl") && notes.contains("wait"),
        "the notes tell the next commands: {notes}"
    );
    platform.ready(Duration::from_mins(2)).await?;

    let tested = cluster.helm(&["test", name, "-n", namespace, "--timeout", "2m"])?;
    ensure!(tested.contains("Succeeded"), "{tested}");
    let log = cluster.kubectl(&["logs", "-n", namespace, &format!("{name}-smoke")])?;
    for word in ["sign", "key", "team", "task"] {
        ensure!(log.contains(word), "the test tells of its {word}: {log}");
    }

    cluster.helm(&["uninstall", name, "-n", namespace])?;
    platform.gone(Duration::from_mins(1)).await?;
    // The operator could not have let go of the servers without them.
    cluster.kubectl(&[
        "get",
        "role",
        "-n",
        namespace,
        &format!("{name}-crewdeck-operator"),
    ])?;
    cluster.delete_namespace(namespace).await
}
