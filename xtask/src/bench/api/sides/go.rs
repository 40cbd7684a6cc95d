//! Go's net/http with pgx.

use crate::{bench::api::scene::Scene, cluster::process::output, repo};
use anyhow::{Context as _, Result};
use std::process::Command;

use super::{Side, Who, told};

const PORT: u16 = 18_220;

/// The side, built.
pub(super) fn side(scene: &Scene) -> Result<Side> {
    let program = repo::cache()?.join("bench-go/server");
    let source = repo::root().join("tests/bench");
    output(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(source.join("go")),
    )
    .context("build tests/bench/go")?;
    let command = || {
        let mut command = Command::new(&program);
        told(&mut command, scene, PORT);
        command
            .env("SQL", source.join("sql"))
            .env("GOMAXPROCS", "2");
        command
    };
    let mut verify = command();
    verify.arg("verify");
    Ok(Side {
        who: Who::Go,
        port: PORT,
        serve: command(),
        verify,
    })
}
