//! The Secrets that the sample platform names: endpoint and administrator's login of each server.

use super::{
    backends::{ADMIN, KAFKA_PORT, PRIMARY_PORT, REDIS_PORT, REPLICA_PORT},
    pki,
    platform::{NAME, NAMESPACE},
    process,
    progress::Failure,
    target::Target,
};
use anyhow::Result;
use serde_json::{Value, json};

/// Refuses to go on while the user's cluster lacks one: the servers are the user's, so are these.
pub(crate) fn require(target: &Target) -> Result<()> {
    let missing: Vec<String> = ["postgres", "redis", "kafka"]
        .iter()
        .map(|backend| format!("{NAME}-{backend}"))
        .filter(|name| {
            !process::succeeds(
                target
                    .kubectl()
                    .args(["-n", NAMESPACE, "get", "secret", name]),
            )
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("namespace {NAMESPACE} has no Secret {}", missing.join(", ")),
        format!(
            "make them for your servers: `kubectl create namespace {NAMESPACE}`, then for each \
             `kubectl -n {NAMESPACE} create secret generic NAME --from-literal=KEY=VALUE …`\n  \
             {NAME}-postgres: host, port, username, password, database, sslmode; replica-host, replica-port, ca.crt where you have them\n  \
             {NAME}-redis: host, port, username, password; ca.crt for TLS\n  \
             {NAME}-kafka: bootstrap-servers, security-protocol, sasl-mechanism, username, password; ca.crt for TLS"
        ),
    )
    .into())
}

/// Makes the namespace and the Secrets that the sample platform names.
pub(crate) fn ensure() -> Result<()> {
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
    super::applied(&list.to_string(), "the Secrets of the sample platform")
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
