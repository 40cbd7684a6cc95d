//! Bare axum with tokio-postgres: no more than the API needs, in the language of ours.

use anyhow::{Result, ensure};
use std::process::Command;

use super::{Side, Who, told};
use crate::{bench::api::scene::Scene, repo};

const PORT: u16 = 18_210;

/// The side, built.
pub(super) fn side(scene: &Scene) -> Result<Side> {
    let target = repo::cache()?.join("bench-axum");
    let status = Command::new(repo::env("CARGO").unwrap_or_else(|| "cargo".to_owned()))
        .args(["build", "--release", "--locked"])
        .current_dir(repo::root().join("tests/bench/axum"))
        .env("CARGO_TARGET_DIR", &target)
        .status()?;
    ensure!(
        status.success(),
        "the build of tests/bench/axum failed; cargo says why above"
    );
    let command = || {
        let mut command = Command::new(target.join("release/bench-axum"));
        told(&mut command, scene, PORT);
        command
    };
    let mut verify = command();
    verify.arg("verify");
    Ok(Side {
        who: Who::Axum,
        port: PORT,
        serve: command(),
        verify,
    })
}
