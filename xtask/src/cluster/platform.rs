//! The sample platform on the cluster: the operator from its charts, the platform's Secrets, the platform itself.

use super::{
    forward, kubectl, process,
    progress::{Failure, Step},
    target::Target,
};
use crate::repo;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::{process::Command, time::Duration};

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

/// The first administrator's email and password; `None` over a database that was kept, where who was there signs in.
pub(crate) fn login(kubectl: Command) -> Option<(String, String)> {
    let secret = format!("{NAME}-admin");
    let template = "go-template={{.data.email | base64decode}} {{.data.password | base64decode}}";
    let output = get(kubectl, &["secret", &secret, "-o", template]).ok()?;
    let (email, password) = output.split_once(' ')?;
    Some((email.to_owned(), password.to_owned()))
}

/// What to do where there is no [`login`], with `kubectl` as a person types it.
pub(crate) fn without_login(kubectl: &str) -> String {
    format!(
        "no Secret {NAME}-admin: over a database that was kept, who was there signs in as before; make another administrator with `{kubectl} -n {NAMESPACE} exec deployment/{NAME}-web -- /crewdeck users create-admin --email you@example.org`"
    )
}

/// The image of the sample platform, when there is one.
pub(crate) fn image() -> Option<String> {
    let path = "jsonpath={.spec.image.repository}:{.spec.image.tag}";
    get(kubectl(), &["platform", NAME, "-o", path]).ok()
}

/// Installs the definition of the resource, the operator and the sample platform; waits until it is Ready.
pub(crate) fn install(target: &Target, step: &Step) -> Result<()> {
    // An operator that is there has a name for its cluster, which must stay.
    if target.context().is_some() && is_installed(target) {
        step.say("crewdeck-operator is there already: it stays as it is");
    } else {
        operator_namespace(target)?;
        step.say("chart crewdeck-crds");
        chart(target, "crewdeck-crds", &[])?;
        step.say("chart crewdeck-operator");
        let (repository, tag) = (
            format!("image.repository={}", target.repository),
            format!("image.tag={}", target.tag),
        );
        let name = match target.context() {
            Some(_) => "default",
            None => "local",
        };
        chart(
            target,
            "crewdeck-operator",
            &[
                "--set-string",
                &repository,
                "--set-string",
                &tag,
                "--set-string",
                &format!("clusterName={name}"),
                "--wait",
                "--timeout",
                "2m",
            ],
        )?;
    }
    step.say(format!("Platform {NAMESPACE}/{NAME}"));
    let text = render(target)?;
    let mut apply = target.kubectl();
    process::fed(apply.args(["apply", "--server-side", "-f", "-"]), &text).map_err(|error| {
        Failure::new(
            format!("the sample platform cannot be applied: {error:#}"),
            format!(
                "another manager that has a field is named above: take it back there, or delete the Platform (`{} -n {NAMESPACE} delete platform {NAME}`), then run the command again",
                target.typed()
            ),
        )
    })?;
    wait_ready(target, step)
}

/// Forwards the roles of the sample platform to the machine's loopback.
pub(crate) fn forward() -> Result<()> {
    for (role, port, target) in [
        ("web", WEB_PORT, 8000),
        ("realtime", REALTIME_PORT, 8001),
        ("analytics", ANALYTICS_PORT, 8002),
    ] {
        let service = format!("{NAME}-{role}");
        let address = get(
            kubectl(),
            &["service", &service, "-o", "jsonpath={.spec.clusterIP}"],
        )?;
        forward::ensure(port, &format!("{address}:{target}"))?;
    }
    Ok(())
}

/// Something of the sample platform's namespace.
fn get(mut kubectl: Command, what: &[&str]) -> Result<String> {
    process::output(kubectl.args(["-n", NAMESPACE, "get"]).args(what))
}

fn is_installed(target: &Target) -> bool {
    let mut helm = target.helm();
    process::succeeds(helm.args([
        "status",
        "crewdeck-operator",
        "--namespace",
        OPERATOR_NAMESPACE,
    ]))
}

/// The operator's namespace, which lets in only what is as harmless as the operator is.
fn operator_namespace(target: &Target) -> Result<()> {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": OPERATOR_NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    });
    let mut apply = target.kubectl();
    apply.args(["apply", "--server-side", "-f", "-"]);
    process::fed(&mut apply, &namespace.to_string())
        .map(drop)
        .with_context(|| format!("make namespace {OPERATOR_NAMESPACE}"))
}

/// Strikes out what a killed Helm began: it would refuse to go on with "another operation is in progress". The
/// cluster is ours alone and we hold its lock, so that there is no other operation.
fn forget_unfinished(chart: &str) -> Result<()> {
    let selector = format!("owner=helm,name={chart},status in (pending-install,pending-upgrade)");
    process::output(kubectl().args([
        "-n",
        OPERATOR_NAMESPACE,
        "delete",
        "secret",
        "-l",
        &selector,
    ]))
    .map(drop)
    .with_context(|| format!("forget an unfinished installation of chart {chart}"))
}

/// Installs or upgrades a chart of the repository under its own name.
fn chart(target: &Target, chart: &str, more: &[&str]) -> Result<()> {
    if target.context().is_none() {
        forget_unfinished(chart)?;
    }
    let mut command = target.helm();
    command
        .args(["upgrade", "--install", chart])
        .arg(repo::root().join("charts").join(chart))
        .args(["--namespace", OPERATOR_NAMESPACE])
        .args(more);
    process::output(&mut command).map_err(|error| {
        Failure::new(
            format!("chart {chart} cannot be installed: {error:#}"),
            format!(
                "look with `{typed} -n {OPERATOR_NAMESPACE} get pods -o wide`, `… describe pods` and `… logs deployment/crewdeck-operator`, then run the command again",
                typed = target.typed()
            ),
        )
    })?;
    Ok(())
}

/// The sample platform and its grants.
fn render(target: &Target) -> Result<String> {
    let mut command = target.helm();
    command
        .args(["template", NAME])
        .arg(repo::root().join("charts/crewdeck-platform"))
        .args([
            "--namespace",
            NAMESPACE,
            "--skip-tests",
            "--set-string",
            &format!("spec.image.repository={}", target.repository),
            "--set-string",
            &format!("spec.image.tag={}", target.tag),
        ]);
    process::output(&mut command).context("render chart crewdeck-platform")
}

/// Waits for condition Ready, telling what the platform waits for whenever that changes.
fn wait_ready(target: &Target, step: &Step) -> Result<()> {
    let path = "jsonpath={.metadata.generation} {.status.observedGeneration} {.status.conditions[?(@.type==\"Ready\")].status} {.status.waitingOn.reason}: {.status.waitingOn.message}";
    let mut told = String::new();
    let ready = || {
        let Ok(text) = get(target.kubectl(), &["platform", NAME, "-o", path]) else {
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
    if process::until(READY, ready) {
        return Ok(());
    }
    Err(Failure::new(
        format!("Platform {NAMESPACE}/{NAME} is not Ready after {} s", READY.as_secs()),
        format!("look with `{typed} -n {NAMESPACE} describe platform {NAME}` and `{typed} -n {OPERATOR_NAMESPACE} logs deployment/crewdeck-operator`", typed = target.typed()),
    )
    .into())
}
