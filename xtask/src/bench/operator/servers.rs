//! PostgreSQL, Redis and Kafka, as the local cluster configures them, on loopback.

use crate::cluster::{
    backends::{folder, user},
    render,
};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

use super::{kafka, postgres, process::Process, redis, scene::Scene};

/// The administrator's login on each.
pub(super) const ADMIN: &str = "admin";

/// The running servers.
pub(super) struct Servers {
    postgres: Process,
    redis: Process,
    kafka: Process,
    /// The content of the Secrets that Platforms name.
    pub(super) secrets: Value,
}

impl Servers {
    /// Starts them.
    pub(super) fn start(scene: &Scene) -> Result<Self> {
        eprintln!("      start PostgreSQL, Redis and Kafka");
        let (folder, pki) = (scene.path("servers"), scene.path("pki"));
        fs::create_dir(&folder)?;
        // Their users go through it.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        fs::set_permissions(&folder, passable)?;
        let password = password()?;
        let kafka = kafka::start(&folder, &pki, &password)?;
        let redis = redis::start(&folder, &pki, &password)?;
        let postgres = postgres::start(&folder, &pki, &password)?;
        let kafka = kafka::ready(kafka)?;
        let authority = fs::read_to_string(pki.join("ca.crt"))?;
        let binding = |port: u16| {
            json!({
                "host": "127.0.0.1", "port": port.to_string(), "username": ADMIN, "password": password,
                "ca.crt": authority,
            })
        };
        let secrets = json!({
            "postgres": binding(postgres::PORT),
            "redis": binding(redis::PORT),
            "kafka": {
                "bootstrap-servers": format!("127.0.0.1:{}", kafka::PORT), "security-protocol": "SASL_SSL",
                "sasl-mechanism": "SCRAM-SHA-512", "username": ADMIN, "password": password, "ca.crt": authority,
            },
        });
        Ok(Self {
            postgres,
            redis,
            kafka,
            secrets,
        })
    }

    /// Their processes, by name.
    pub(super) fn processes(&self) -> Vec<(&'static str, u32)> {
        vec![
            ("PostgreSQL", self.postgres.id()),
            ("Redis", self.redis.id()),
            ("Kafka", self.kafka.id()),
        ]
    }
}

/// A new password, or a token.
pub(super) fn password() -> Result<String> {
    let drawn =
        crate::cluster::process::output(Command::new("openssl").args(["rand", "-hex", "16"]))?;
    Ok(drawn.trim().to_owned())
}

/// Makes a server's folder, with its certificate, key and authority, for the system user of this name.
pub(super) fn home(
    parent: &Path,
    pki: &Path,
    name: &str,
    system_user: &str,
) -> Result<std::path::PathBuf> {
    let (home, owner) = (parent.join(name), user(system_user)?);
    let tls = home.join("tls");
    folder(&home, owner)?;
    folder(&tls, owner)?;
    for (from, to) in [
        (format!("{name}.crt"), "server.crt"),
        (format!("{name}.key"), "server.key"),
        ("ca.crt".to_owned(), "ca.crt"),
    ] {
        let path = pki.join(from);
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        render::write(&tls.join(to), &text, 0o600, Some(owner))?;
    }
    Ok(home)
}

/// Whether a server takes connections.
pub(super) fn listening(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
