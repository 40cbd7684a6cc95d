//! The sides: programs that serve the same API from the same database.

mod axum;
mod crewdeck;
mod drf;
mod fastapi;
mod go;

use anyhow::{Result, ensure};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{http::Request, scene::Scene};
use crate::{
    bench::process::{Process, Run},
    cluster::{forward::require_free, process::output},
};

/// How long a side may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// A side, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Crewdeck,
    Axum,
    Go,
    FastApi,
    Drf,
}

impl Who {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Crewdeck,
        Self::Axum,
        Self::Go,
        Self::FastApi,
        Self::Drf,
    ];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crewdeck => "crewdeck",
            Self::Axum => "bare axum",
            Self::Go => "Go, pgx",
            Self::FastApi => "FastAPI",
            Self::Drf => "DRF",
        }
    }
}

/// A side that can be started.
pub(super) struct Side {
    pub(super) who: Who,
    /// Where it listens: below the ports that the kernel gives to connections.
    pub(super) port: u16,
    serve: Command,
    /// Prints the seconds that the check of a token takes, and those of one that is remembered where it remembers.
    verify: Command,
}

impl Side {
    /// Every side, built and installed where it is not yet.
    pub(super) fn all(binary: &Path, scene: &Scene) -> Result<Vec<Self>> {
        Who::ALL
            .into_iter()
            .map(|who| match who {
                Who::Crewdeck => crewdeck::side(binary, scene),
                Who::Axum => axum::side(scene),
                Who::Go => go::side(scene),
                Who::FastApi => fastapi::side(scene),
                Who::Drf => drf::side(scene),
            })
            .collect()
    }

    /// Starts it; it is there when it answers with a task. Gives the seconds that this took, too.
    pub(super) fn start(&self, scene: &Scene) -> Result<(Process, f64)> {
        // What answers there is to be this side, not what an earlier bench left.
        require_free(self.port)?;
        let run = Run {
            name: self.who.name(),
            user: None,
            // Not a kill: workers would stay, and the port with them.
            end: "TERM",
            logs: scene.logs(),
            // Ours writes a line for each request there, which would fill the disk.
            errors: self.who != Who::Crewdeck,
        };
        let request = Request::get(format!("/api/v1/tasks/{}", scene.task), &scene.token);
        // Before anybody has signed in, a refusal is an answer too.
        let wanted = if scene.token.is_empty() { 401 } else { 200 };
        let started = Instant::now();
        let mut process = Process::start(&run, &self.serve)?;
        let mut seconds = 0.0;
        process.wait_closely("it answers", PATIENCE, || {
            seconds = started.elapsed().as_secs_f64();
            Ok(request
                .send(self.port)
                .is_ok_and(|answer| answer.status == wanted))
        })?;
        Ok((process, seconds))
    }

    /// The seconds that the check of a token takes: of one that was not seen before, and of one that was, where that is
    /// remembered.
    pub(super) fn verify(&mut self) -> Result<(f64, Option<f64>)> {
        let printed = output(&mut self.verify)?;
        let figures: Vec<f64> = printed
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        ensure!(
            !figures.is_empty(),
            "{} printed no seconds for the check of a token: {printed}",
            self.who.name()
        );
        Ok((figures[0], figures.get(1).copied()))
    }
}

/// What every rival is told.
fn told(command: &mut Command, scene: &Scene, port: u16) {
    command
        .env("DATABASE_URL", scene.database())
        .env("KEYS", scene.keys())
        .env("ISSUER", super::scene::ISSUER)
        .env("PORT", port.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1");
}
