//! The sample platform on the cluster: the operator from its charts, the platform's Secrets, the platform itself.

use super::{
    backends::{ADMIN, KAFKA_PORT, PRIMARY_PORT, REDIS_PORT, REPLICA_PORT},
    kubectl, pki, process,
};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Its name.
pub(crate) const NAME: &str = "demo";
/// Its namespace.
pub(crate) const NAMESPACE: &str = "crewdeck";
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
