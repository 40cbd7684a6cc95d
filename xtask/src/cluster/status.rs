//! What is running, where, and how to log in.

use super::{
    backends::{ADMIN, KAFKA_PORT, PRIMARY_PORT, REDIS_PORT, REPLICA_PORT},
    build, kubectl,
    node::{self, NODES},
    paths, pki, platform, process, product, running,
};
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The whole status as one document; an error when no cluster runs.
pub(crate) fn json() -> Result<Value> {
    anyhow::ensure!(
        process::alive("apiserver").is_some(),
        "no cluster runs here: start one with `cargo xtask up`"
    );
    let login = platform::login(kubectl());
    let known = |value: Option<&String>| value.map_or(Value::Null, |text| json!(text));
    let (email, password) = login.unzip();
    let ip = NODES[0].ip;
    let ca = paths::pki("ca.crt");
    Ok(json!({
        "url": platform::url(platform::WEB_PORT),
        "realtime_url": platform::url(platform::REALTIME_PORT),
        "analytics_url": platform::url(platform::ANALYTICS_PORT),
        "login": known(email.as_ref()),
        "password": known(password.as_ref()),
        "platform": platform::NAME,
        "namespace": platform::NAMESPACE,
        "image": platform::image(),
        "kubeconfig": paths::pki("host.kubeconfig"),
        "admin_kubeconfig": paths::pki("admin.kubeconfig"),
        "node_api": format!("https://{ip}:6443"),
        "netns": process::netns_file(NODES[0].netns),
        "bin": paths::state("bin"),
        "binary": product::binary()?,
        "http_routes": build::http_routes()?,
        "nodes": node::running().iter().map(|node| node.name).collect::<Vec<_>>(),
        "processes": process::names().into_iter().filter(|name| process::alive(name).is_some()).collect::<Vec<_>>(),
        "versions": running::versions(),
        "backends": {
            "postgres": {
                "host": ip, "port": PRIMARY_PORT, "replica_host": ip, "replica_port": REPLICA_PORT,
                "admin": ADMIN, "password": pki::password("pg-admin")?, "ca": ca, "ca_file": ca,
            },
            "redis": {
                "host": ip, "port": REDIS_PORT,
                "admin": ADMIN, "password": pki::password("redis-admin")?, "ca": ca, "ca_file": ca,
            },
            "kafka": {
                "host": ip, "port": KAFKA_PORT,
                "admin": ADMIN, "password": pki::password("kafka-admin")?, "ca": ca, "ca_file": ca,
            },
        },
    }))
}

/// The same for a person: without the backends' passwords.
pub(crate) fn text(status: &Value) -> String {
    let mut text = String::new();
    let at = |pointer: &str| match status.pointer(pointer) {
        Some(Value::String(value)) => value.clone(),
        Some(Value::Array(values)) => values
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    for (label, pointer) in [
        ("web", "/url"),
        ("realtime", "/realtime_url"),
        ("analytics", "/analytics_url"),
        ("login", "/login"),
        ("password", "/password"),
        ("image", "/image"),
        ("kubeconfig", "/kubeconfig"),
        ("nodes", "/nodes"),
        ("processes", "/processes"),
        ("kubernetes", "/versions/kubernetes"),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{label:<12} {}", at(pointer));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_a_dash() {
        let text = text(&json!({"url": null, "nodes": ["node-1", "node-2"]}));
        assert!(text.starts_with("web          -\n"), "{text}");
        assert!(text.contains("nodes        node-1 node-2\n"), "{text}");
    }
}
