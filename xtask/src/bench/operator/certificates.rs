//! The authority of a run, what it signs, and the users of the API server. Everything is on loopback, by address.

use crate::cluster::{pki, render};
use anyhow::Result;
use serde_json::json;
use std::{fmt::Write as _, fs, path::Path};

use super::{cluster::PORT, servers::password};

/// Users of the API server, each with a kubeconfig of its name. All of them may do everything, so that no right is looked up
/// for one side and not for the other; their names tell in the audit log who wrote.
pub(super) const BENCH: &str = "bench";
/// The operators that are measured: the two processes of ours, and the rival.
pub(super) const OPERATORS: [&str; 3] = ["operator-1", "operator-2", "kopf"];

/// The file of the users' tokens, as `--token-auth-file` wants it.
pub(super) const TOKENS: &str = "tokens.csv";

/// Makes all of it.
pub(super) fn make(folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    pki::authority(folder)?;
    let here = "IP:127.0.0.1";
    for server in ["postgres", "redis", "kafka", "node"] {
        pki::leaf(folder, server, &format!("/CN={server}"), here)?;
    }
    let api = format!("DNS:kubernetes,DNS:kubernetes.default,{here}");
    pki::leaf(folder, "apiserver", "/CN=kube-apiserver", &api)?;
    let kubelet = "/O=system:masters/CN=apiserver-kubelet-client";
    pki::leaf(folder, "kubelet-client", kubelet, "DNS:kubelet-client")?;
    pki::leaf(folder, "frontproxy", "/CN=front-proxy", "DNS:frontproxy")?;
    pki::service_accounts(folder)?;
    let server = format!("https://127.0.0.1:{PORT}");
    let mut tokens = String::new();
    for user in OPERATORS.into_iter().chain([BENCH]) {
        // As a pod does: a certificate would be verified for each request.
        let token = password()?;
        writeln!(tokens, "{token},{user},{user},system:masters")?;
        pki::kubeconfig_with(folder, user, &server, &json!({"token": token}))?;
    }
    render::write(&folder.join(TOKENS), &tokens, 0o600, None)
}
