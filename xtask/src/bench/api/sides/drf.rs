//! Django REST framework with simplejwt under two workers of gunicorn.

use crate::{
    bench::{api::scene::Scene, python},
    cluster::process::output,
    repo,
};
use anyhow::{Context as _, Result};
use std::process::Command;

use super::{Side, Who, told};

const PORT: u16 = 18_240;

/// The side, installed, with the tables of its own.
pub(super) fn side(scene: &Scene) -> Result<Side> {
    let python = python::environment("drf")?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        told(&mut command, scene, PORT);
        command
            .args(arguments)
            .current_dir(repo::root().join("tests/bench/drf"))
            .env("DJANGO_SETTINGS_MODULE", "bench.settings");
        command
    };
    output(&mut command(&["-m", "django", "migrate", "--verbosity=0"]))
        .context("make the tables of Django")?;
    let address = format!("127.0.0.1:{PORT}");
    Ok(Side {
        who: Who::Drf,
        port: PORT,
        // Threads keep connections open between requests, which gunicorn's default does not.
        serve: command(&[
            "-m",
            "gunicorn",
            "--workers=2",
            "--threads=4",
            "--keep-alive=60",
            "--log-level=warning",
            "--bind",
            &address,
            "bench.wsgi:application",
        ]),
        verify: command(&["verify.py"]),
    })
}
