//! The cluster's own certificate authority, every certificate of it, and the passwords of the backends: made once for
//! each state. The private keys never leave [`paths::STATE`], or the folder of whoever makes an authority of their own.

use super::{node::NODES, paths, process::output, render};
use anyhow::{Context as _, Result};
use std::{fs, os::unix::fs::DirBuilderExt as _, path::Path, process::Command};

/// The port of the API server on the machine's loopback.
pub(crate) const API_PORT: u16 = 16443;

/// The names of a server in the `backends` namespace, as pods may call it.
fn backend(name: &str) -> String {
    let names = [
        name.to_owned(),
        format!("{name}.backends"),
        format!("{name}.backends.svc"),
        format!("{name}.backends.svc.cluster.local"),
    ];
    let names: Vec<String> = names.iter().map(|name| format!("DNS:{name}")).collect();
    format!("{},IP:{}", names.join(","), NODES[0].ip)
}

/// Every certificate: name, subject, alternative names.
fn leaves() -> Vec<(&'static str, &'static str, String)> {
    let [one, two] = &NODES;
    let kubernetes = ["", ".default", ".default.svc", ".default.svc.cluster.local"]
        .map(|suffix| format!("DNS:kubernetes{suffix}"))
        .join(",");
    vec![
        (
            "apiserver",
            "/CN=kube-apiserver",
            format!(
                "{kubernetes},DNS:localhost,IP:127.0.0.1,IP:10.96.0.1,IP:{}",
                one.ip
            ),
        ),
        ("admin", "/O=system:masters/CN=admin", "DNS:admin".into()),
        (
            "kcm",
            "/CN=system:kube-controller-manager",
            "DNS:kcm".into(),
        ),
        ("sched", "/CN=system:kube-scheduler", "DNS:sched".into()),
        ("proxy", "/CN=system:kube-proxy", "DNS:proxy".into()),
        (
            "kubelet-client",
            "/O=system:masters/CN=apiserver-kubelet-client",
            "DNS:kubelet-client".into(),
        ),
        ("frontproxy", "/CN=front-proxy", "DNS:frontproxy".into()),
        (
            "node-1",
            "/O=system:nodes/CN=system:node:node-1",
            format!("DNS:node-1,IP:{}", one.ip),
        ),
        (
            "node-2",
            "/O=system:nodes/CN=system:node:node-2",
            format!("DNS:node-2,IP:{}", two.ip),
        ),
        ("postgres", "/CN=pg.backends", backend("pg")),
        ("redis", "/CN=redis.backends", backend("redis")),
        ("kafka", "/CN=kafka.backends", backend("kafka")),
    ]
}

/// Makes certificates, kubeconfigs and passwords unless they are there.
pub(crate) fn ensure() -> Result<()> {
    let done = paths::state("pki");
    if done.exists() {
        return Ok(());
    }
    let new = paths::state("pki.new");
    let _ = fs::remove_dir_all(&new);
    fs::DirBuilder::new().mode(0o700).create(&new)?;
    authority(&new)?;
    for (name, subject, names) in leaves() {
        leaf(&new, name, subject, &names)?;
    }
    service_accounts(&new)?;
    let inside = format!("https://{}:6443", NODES[0].ip);
    for user in ["admin", "kcm", "sched", "proxy", "node-1", "node-2"] {
        kubeconfig(&new, user, &inside, user)?;
    }
    kubeconfig(
        &new,
        "host",
        &format!("https://127.0.0.1:{API_PORT}"),
        "admin",
    )?;
    for name in ["pg-admin", "pg-replicator", "redis-admin", "kafka-admin"] {
        let password = output(Command::new("openssl").args(["rand", "-hex", "16"]))?;
        render::write(
            &new.join(format!("{name}.password")),
            password.trim(),
            0o600,
            None,
        )?;
    }
    fs::rename(&new, &done).with_context(|| format!("make {}", done.display()))
}

/// A password of the backends.
pub(crate) fn password(name: &str) -> Result<String> {
    read(&format!("{name}.password"))
}

/// A file of the folder with certificates.
pub(crate) fn read(file: &str) -> Result<String> {
    let path = paths::pki(file);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<()> {
    output(Command::new("openssl").args(arguments).current_dir(folder)).map(drop)
}

/// Makes the key that signs the tokens of service accounts, `sa.key`.
pub(crate) fn service_accounts(folder: &Path) -> Result<()> {
    openssl(folder, &["genrsa", "-out", "sa.key", "2048"])
}

fn key(folder: &Path, name: &str) -> Result<()> {
    // PKCS#8, the one form that Java reads too.
    let file = format!("{name}.key");
    openssl(
        folder,
        &[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            &file,
        ],
    )
}

/// Makes an authority in a folder, `ca.crt` and `ca.key`.
pub(crate) fn authority(folder: &Path) -> Result<()> {
    key(folder, "ca")?;
    openssl(
        folder,
        &[
            "req",
            "-x509",
            "-new",
            "-key",
            "ca.key",
            "-subj",
            "/CN=crewdeck-test-ca",
            "-days",
            "3650",
            "-out",
            "ca.crt",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ],
    )
}

/// Has the folder's authority sign a certificate for servers and clients alike, `NAME.crt` and `NAME.key`.
pub(crate) fn leaf(folder: &Path, name: &str, subject: &str, names: &str) -> Result<()> {
    key(folder, name)?;
    let extensions = format!(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
         extendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\nsubjectAltName={names}\n"
    );
    render::write(&folder.join("leaf.ext"), &extensions, 0o600, None)?;
    let (key, request, certificate) = (
        format!("{name}.key"),
        format!("{name}.csr"),
        format!("{name}.crt"),
    );
    openssl(
        folder,
        &[
            "req", "-new", "-key", &key, "-subj", subject, "-out", &request,
        ],
    )?;
    openssl(
        folder,
        &[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "3650",
            "-extfile",
            "leaf.ext",
            "-out",
            &certificate,
        ],
    )
}

/// Writes a kubeconfig for one server and one user, who shows a certificate.
pub(crate) fn kubeconfig(folder: &Path, name: &str, server: &str, user: &str) -> Result<()> {
    let shown = serde_json::json!({
        "client-certificate-data": encoded(&folder.join(format!("{user}.crt")))?,
        "client-key-data": encoded(&folder.join(format!("{user}.key")))?,
    });
    kubeconfig_with(folder, name, server, &shown)
}

/// Writes a kubeconfig for one server and a user who shows this.
pub(crate) fn kubeconfig_with(
    folder: &Path,
    name: &str,
    server: &str,
    shown: &serde_json::Value,
) -> Result<()> {
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "crewdeck", "cluster": {
            "server": server, "certificate-authority-data": encoded(&folder.join("ca.crt"))?,
        }}],
        "users": [{"name": name, "user": shown}],
        "contexts": [{"name": "crewdeck", "context": {"cluster": "crewdeck", "user": name}}],
        "current-context": "crewdeck",
    });
    let text = serde_json::to_string_pretty(&config)?;
    render::write(
        &folder.join(format!("{name}.kubeconfig")),
        &text,
        0o600,
        None,
    )
}

fn encoded(file: &Path) -> Result<String> {
    output(Command::new("base64").arg("-w0").arg(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_has_every_name_that_pods_use() {
        assert_eq!(
            backend("pg"),
            "DNS:pg,DNS:pg.backends,DNS:pg.backends.svc,DNS:pg.backends.svc.cluster.local,IP:10.89.0.2"
        );
    }
}
