//! The other side: an operator of Python and kopf, as `tests/bench/kopf` has it. It makes the same objects of Kubernetes from
//! the same resource, and nothing on any server.

use crate::{bench::python, repo};
use anyhow::Result;
use serde_json::json;
use std::process::Command;

use super::{
    Args,
    certificates::OPERATORS,
    cluster::{Cluster, Programs},
    measure::{Side, side},
    scene::Scene,
    subject::{CONCURRENCY, Subject},
};

/// Measures it on a cluster of its own.
pub(super) fn measure(args: &Args, programs: &Programs, scene: &Scene) -> Result<Side> {
    let python = python::environment("kopf")?;
    let cluster = Cluster::start("kopf", programs, scene)?;
    let secrets = cluster.file("secrets.json", &json!({}))?;
    let platforms = args.platforms.to_string();
    cluster.ask::<serde_json::Value>(&[
        "prepare",
        "--platforms",
        &platforms,
        "--secrets",
        &secrets,
    ])?;
    let user = OPERATORS[2];
    let mut command = Command::new(python);
    command
        .args([
            "-m",
            "kopf",
            "run",
            "--all-namespaces",
            "--standalone",
            "platforms.py",
        ])
        .current_dir(repo::root().join("tests/bench/kopf"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KUBECONFIG", cluster.kubeconfig(user))
        .env("CONCURRENCY", CONCURRENCY.to_string());
    let subject = Subject { user, command };
    Ok(side("kopf", &subject, &cluster, args, &[]).0)
}
