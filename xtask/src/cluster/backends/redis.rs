//! Redis: TLS only, the default user off, its users in an ACL file that `ACL SAVE` can write.

use super::{REDIS_PORT, certificates, folder, listening, state, text, user};
use crate::cluster::{
    node::NODES,
    paths, pki,
    process::{Daemon, as_user, wait_for},
    render,
};
use anyhow::Result;
use std::{process::Command, time::Duration};

/// Starts it; does not wait.
pub(super) fn start() -> Result<()> {
    let owner = user("redis")?;
    let dir = state("redis");
    folder(&dir, owner)?;
    certificates("redis", &dir, owner)?;
    let users = dir.join("users.acl");
    if !users.exists() {
        let password = pki::password("redis-admin")?;
        let acl = render::file(
            &paths::source("redis/users.acl"),
            &[("PASSWORD", &password)],
        )?;
        render::write(&users, &acl, 0o600, Some(owner))?;
    }
    let config = render::file(
        &paths::source("redis/redis.conf"),
        &[
            ("DIR", &text(&dir)),
            ("ADDRESS", NODES[0].ip),
            ("PORT", &REDIS_PORT.to_string()),
        ],
    )?;
    let file = dir.join("redis.conf");
    render::write(&file, &config, 0o600, Some(owner))?;
    let mut command = Command::new("env");
    as_user(&mut command, "redis")
        .arg("redis-server")
        .arg(&file);
    Daemon {
        name: "redis",
        netns: Some(NODES[0].netns),
        group: None,
        reads: &[file],
    }
    .start(&command)
}

/// Waits until it takes connections.
pub(super) fn wait() -> Result<()> {
    wait_for("redis", "Redis", Duration::from_secs(20), || {
        listening(REDIS_PORT)
    })
}
