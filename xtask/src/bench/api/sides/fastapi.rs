//! `FastAPI` with asyncpg and `PyJWT` under two workers of uvicorn.

use crate::{
    bench::{api::scene::Scene, python},
    repo,
};
use anyhow::Result;
use std::process::Command;

use super::{Side, Who, told};

const PORT: u16 = 18_230;

/// The side, installed.
pub(super) fn side(scene: &Scene) -> Result<Side> {
    let python = python::environment("fastapi")?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        told(&mut command, scene, PORT);
        command
            .args(arguments)
            .current_dir(repo::root().join("tests/bench/fastapi"));
        command
    };
    let port = PORT.to_string();
    Ok(Side {
        who: Who::FastApi,
        port: PORT,
        serve: command(&[
            "-m",
            "uvicorn",
            "app:app",
            "--workers=2",
            "--no-access-log",
            "--log-level=warning",
            "--port",
            &port,
        ]),
        verify: command(&["verify.py"]),
    })
}
