//! The sample platform on the cluster: the operator from its charts, the platform's Secrets, the platform itself.

use super::{
    backends::{ADMIN, KAFKA_PORT, PRIMARY_PORT, REDIS_PORT, REPLICA_PORT},
    forward, kubectl,
    node::NODES,
    paths, pki, process,
    product::Product,
    progress::{Failure, Step},
};
use crate::repo;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::time::Duration;

/// Its name.
pub(crate) const NAME: &str = "demo";
/// Its namespace.
pub(crate) const NAMESPACE: &str = "crewdeck";
/// The operator's namespace.
const OPERATOR_NAMESPACE: &str = "crewdeck-system";
/// How long the sample platform may take to become Ready.
const READY: Duration = Duration::from_mins(4);
/// The web role on the machine's loopback.
pub(crate) const WEB_PORT: u16 = 18080;
/// The realtime role on the machine's loopback.
pub(crate) const REALTIME_PORT: u16 = 18081;
/// The analytics role on the machine's loopback.
pub(crate) const ANALYTICS_PORT: u16 = 18082;

/// Where a forwarded role answers; `None` while it is not forwarded.
pub(crate) fn url(port: u16) -> Option<String> {
    process::alive(&format!("forward-{port}.out")).map(|_| format!("http://127.0.0.1:{port}"))
}

/// The first administrator's email and password, once the operator has made them.
pub(crate) fn login() -> Option<(String, String)> {
    let secret = format!("{NAME}-admin");
    let template = "{{.data.email | base64decode}} {{.data.password | base64decode}}";
    let output = process::output(kubectl().args([
        "-n",
        NAMESPACE,
        "get",
        "secret",
        &secret,
        "-o",
        &format!("go-template={template}"),
    ]))
    .ok()?;
    let (email, password) = output.split_once(' ')?;
    Some((email.to_owned(), password.to_owned()))
}

/// The image of the sample platform, when there is one.
pub(crate) fn image() -> Option<String> {
    let path = "jsonpath={.spec.image.repository}:{.spec.image.tag}";
    process::output(kubectl().args(["-n", NAMESPACE, "get", "platform", NAME, "-o", path])).ok()
}

/// Installs the definition of the resource, the operator and the sample platform; waits until it is Ready and forwards
/// its roles to the machine's loopback.
pub(crate) fn install(product: &Product, step: &Step) -> Result<()> {
    step.say("chart crewdeck-crds");
    helm("crewdeck-crds", OPERATOR_NAMESPACE, &[])?;
    step.say("chart crewdeck-operator");
    let tag = format!("image.tag={}", product.tag);
    helm(
        "crewdeck-operator",
        OPERATOR_NAMESPACE,
        &[
            "--set-string",
            &tag,
            "--set",
            "clusterName=local",
            "--wait",
            "--timeout",
            "2m",
        ],
    )?;
    step.say(format!("Platform {NAMESPACE}/{NAME}"));
    let text = render(product)?;
    process::fed(kubectl().args(["apply", "--server-side", "-f", "-"]), &text)
        .context("apply the sample platform")?;
    wait_ready(step)?;
    for (role, port, target) in [
        ("web", WEB_PORT, 8000),
        ("realtime", REALTIME_PORT, 8001),
        ("analytics", ANALYTICS_PORT, 8002),
    ] {
        let service = format!("{NAME}-{role}");
        let address = process::output(kubectl().args([
            "-n",
            NAMESPACE,
            "get",
            "service",
            &service,
            "-o",
            "jsonpath={.spec.clusterIP}",
        ]))?;
        forward::ensure(port, &format!("{address}:{target}"))?;
    }
    Ok(())
}

/// Installs or upgrades a chart of the repository under its own name.
fn helm(chart: &str, namespace: &str, more: &[&str]) -> Result<()> {
    let mut command = process::inside(NODES[0].netns, paths::bin("helm"));
    command
        .arg("--kubeconfig")
        .arg(paths::pki("admin.kubeconfig"))
        .args(["upgrade", "--install", chart])
        .arg(repo::root().join("charts").join(chart))
        .args(["--namespace", namespace, "--create-namespace"])
        .args(more)
        .env("HELM_CACHE_HOME", paths::state("helm"))
        .env("HELM_CONFIG_HOME", paths::state("helm"))
        .env("HELM_DATA_HOME", paths::state("helm"));
    process::output(&mut command)
        .map(drop)
        .with_context(|| format!("install chart {chart}"))
}

/// The sample platform and its grants, with the image that was just built.
fn render(product: &Product) -> Result<String> {
    let mut command = process::inside(NODES[0].netns, paths::bin("helm"));
    command
        .args(["template", NAME])
        .arg(repo::root().join("charts/crewdeck-platform"))
        .args([
            "--namespace",
            NAMESPACE,
            "--skip-tests",
            "--set-string",
            &format!("spec.image.tag={}", product.tag),
        ]);
    process::output(&mut command).context("render chart crewdeck-platform")
}

/// Waits for condition Ready, telling what the platform waits for whenever that changes.
fn wait_ready(step: &Step) -> Result<()> {
    let path = "jsonpath={.metadata.generation} {.status.observedGeneration} {.status.conditions[?(@.type==\"Ready\")].status} {.status.waitingOn.reason}: {.status.waitingOn.message}";
    let mut told = String::new();
    let ready = || {
        let Ok(text) =
            process::output(kubectl().args(["-n", NAMESPACE, "get", "platform", NAME, "-o", path]))
        else {
            return false;
        };
        let mut words = text.splitn(4, ' ');
        let (generation, observed, ready, waiting) = (
            words.next(),
            words.next(),
            words.next(),
            words.next().unwrap_or_default(),
        );
        if waiting != told && waiting.len() > 2 {
            step.say(waiting);
            waiting.clone_into(&mut told);
        }
        generation == observed && ready == Some("True")
    };
    process::wait("the platform", READY, ready).map_err(|_| {
        Failure::new(
            format!("Platform {NAMESPACE}/{NAME} is not Ready after {} s", READY.as_secs()),
            format!("look with `cargo xtask kubectl -- -n {NAMESPACE} describe platform {NAME}` and `cargo xtask kubectl -- -n {OPERATOR_NAMESPACE} logs deployment/crewdeck-operator`"),
        )
        .into()
    })
}

/// Makes the namespace and the Secrets that the sample platform names.
pub(crate) fn secrets() -> Result<()> {
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    })];
    for (backend, data) in bindings()? {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Secret", "type": format!("servicebinding.io/{backend}"),
            "metadata": {"name": format!("{NAME}-{backend}"), "namespace": NAMESPACE},
            "stringData": data,
        }));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    process::fed(kubectl().args(["apply", "-f", "-"]), &list.to_string())
        .map(drop)
        .context("make the Secrets of the sample platform")
}

/// The administrators' logins in the keys of the Service Binding convention.
fn bindings() -> Result<[(&'static str, Value); 3]> {
    let ca = pki::read("ca.crt")?;
    Ok([
        (
            "postgres",
            json!({
                "host": "pg.backends.svc", "port": PRIMARY_PORT.to_string(),
                "replica-host": "pg.backends.svc", "replica-port": REPLICA_PORT.to_string(),
                "username": ADMIN, "password": pki::password("pg-admin")?,
                "database": "postgres", "sslmode": "verify-full", "ca.crt": ca,
            }),
        ),
        (
            "redis",
            json!({
                "host": "redis.backends.svc", "port": REDIS_PORT.to_string(),
                "username": ADMIN, "password": pki::password("redis-admin")?, "ca.crt": ca,
            }),
        ),
        (
            "kafka",
            json!({
                "bootstrap-servers": format!("kafka.backends.svc:{KAFKA_PORT}"),
                "security-protocol": "SASL_SSL", "sasl-mechanism": "SCRAM-SHA-512",
                "username": ADMIN, "password": pki::password("kafka-admin")?, "ca.crt": ca,
            }),
        ),
    ])
}
