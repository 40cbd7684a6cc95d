//! A Prometheus operator comes to the cluster: each Platform gets its objects, and what their alerts and the dashboard name
//! is what the roles serve.

use crate::drift::is_put_back_soon;
use anyhow::{Context as _, Result, ensure};
use common_clock::{Ids as _, SystemIds};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, ResourceExt as _,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::{client, cluster::Cluster, leftovers::LABEL, platform::Platform, wait::wait_for};

const GROUP: &str = "monitoring.coreos.com";
/// Where the operator runs.
const OPERATOR: &str = "crewdeck-system";
/// The kinds are looked for once a minute, and a settled Platform is looked at once a minute.
const FOUND: Duration = Duration::from_mins(3);
/// A kind that a pass has found is watched this long after, at most.
const WATCHED: Duration = Duration::from_secs(20);
const DASHBOARD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../charts/crewdeck-operator/dashboards/crewdeck.json"
);

/// A kind of the Prometheus operator, without its schema: what is tested is what we send and find again.
async fn define(cluster: &Cluster, kind: &str, plural: &str) -> Result<String> {
    let name = format!("{plural}.{GROUP}");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "labels": {(LABEL): "monitoring"}},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }}}],
        },
    });
    Api::<CustomResourceDefinition>::all(cluster.kube.clone())
        .patch(
            &name,
            &PatchParams::apply("crewdeck-tests").force(),
            &Patch::Apply(&definition),
        )
        .await?;
    Ok(name)
}

fn objects(cluster: &Cluster, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind));
    Api::namespaced_with(cluster.kube.clone(), namespace, &kind)
}

#[tokio::test]
async fn e2e_every_metric_of_an_alert_is_served() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    let mut definitions = Vec::new();
    for (kind, plural) in [
        ("PodMonitor", "podmonitors"),
        ("PrometheusRule", "prometheusrules"),
    ] {
        definitions.push(define(&cluster, kind, plural).await?);
    }
    let checked = check(&cluster, &platform).await;
    let api: Api<CustomResourceDefinition> = Api::all(cluster.kube.clone());
    for definition in definitions {
        api.delete(&definition, &DeleteParams::default()).await?;
    }
    checked
}

async fn check(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let rules = objects(cluster, &platform.namespace, "PrometheusRule");
    let rule = wait_for("the alerts are made", FOUND, async || {
        Ok(rules.get(&platform.name).await?)
    })
    .await?;
    let monitors = objects(cluster, &platform.namespace, "PodMonitor");
    let monitor = monitors.get(&platform.name).await?;
    ensure!(
        monitor.owner_references().len() == 1,
        "{:?}",
        monitor.metadata
    );
    ensure!(
        monitor.data["spec"]["podMetricsEndpoints"][0]["port"] == "probes",
        "{:?}",
        monitor.data
    );

    let other = json!({"spec": {"podMetricsEndpoints": [{"port": "other"}]}});
    is_put_back_soon(&monitors, &platform.name, &other, WATCHED).await?;
    let other = json!({"spec": {"groups": []}});
    is_put_back_soon(&rules, &platform.name, &other, WATCHED).await?;

    let mut named = metrics(&serde_json::to_string(&rule.data)?);
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(DASHBOARD)?)?;
    named.extend(metrics(&serde_json::to_string(&dashboard)?));
    named.extend(metrics(&of_operator(cluster)?));
    // Made by Prometheus itself.
    named.remove("up");
    ensure!(named.len() >= 8, "{named:?}");
    work(cluster, platform).await?;
    wait_for(
        "each metric is served",
        Duration::from_mins(1),
        async || {
            let served = served(cluster, platform).await?;
            let missing: Vec<_> = named.difference(&served).collect();
            ensure!(missing.is_empty(), "{missing:?}");
            Ok(())
        },
    )
    .await
}

/// The alerts about the operator itself, as its chart makes them where it is told to.
fn of_operator(cluster: &Cluster) -> Result<String> {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/crewdeck-operator");
    let text = cluster.helm(&[
        "template",
        "crewdeck-operator",
        chart,
        "--namespace",
        OPERATOR,
        "--show-only",
        "templates/monitoring.yaml",
        "--set",
        "monitoring.enabled=true,documentation=https://docs.example.org",
    ])?;
    let job = format!("operator_leads{{job=\"{OPERATOR}/crewdeck-operator\"}}");
    for part in [
        "kind: PrometheusRule",
        &job,
        "runbook_url: https://docs.example.org/operator/alerts.md#crewdeckoperatoraway",
    ] {
        ensure!(text.contains(part), "{part} is missing in\n{text}");
    }
    Ok(text)
}

/// Names of metrics in expressions: words before a brace.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.match_indices('{')
        .filter_map(|(at, _)| {
            let start = text[..at].rfind(|c| !is_word(c))? + 1;
            (start < at).then(|| text[start..at].to_owned())
        })
        .collect()
}

/// A team, a task and a look at their figures: some metrics begin with the first event or request.
async fn work(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let address = async |role| {
        cluster
            .address(&platform.namespace, &platform.name, role)
            .await
    };
    let admin = client::Api::anonymous(&address("web").await?)?
        .log_in(&cluster.status.login, &cluster.status.password)
        .await?;
    let name = format!("Measured {}", SystemIds.token(6));
    let team = admin
        .post("/api/v1/teams", &json!({"name": name}))
        .await?
        .data(201)?;
    let id = team["id"].as_str().context("an id")?;
    let task = json!({"team_id": id, "title": "An event for each consumer"});
    admin.post("/api/v1/tasks", &task).await?.data(201)?;
    let analytics = admin.at(&address("analytics").await?);
    wait_for("the team's figures", Duration::from_secs(30), async || {
        let path = format!("/api/v1/analytics/teams/{id}/summary");
        analytics.get(&path).await?.data(200)
    })
    .await
    .map(|_: Value| ())
}

/// Names of everything that the pods of the Platform and of the operator serve.
async fn served(cluster: &Cluster, platform: &Platform) -> Result<BTreeSet<String>> {
    let pages = [
        cluster
            .metrics(&platform.namespace, &platform.labels())
            .await?,
        cluster.operator_metrics().await?,
    ];
    let lines = pages.iter().flat_map(|page| page.lines());
    let lines = lines.filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split(['{', ' ']).next());
    Ok(names.map(str::to_owned).collect())
}
