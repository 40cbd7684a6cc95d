//! The tests of the crates: types and rules, then stores, services and APIs on real servers of our own.

use super::{Plan, Report, cargo_test, workspace};
use crate::install;
use common_scratch::{Postgres, Redis};
use std::process::Command;

/// Starts the servers, runs the tests, ends the servers.
pub(super) fn run(plan: &Plan, report: &mut Report) {
    let mut servers = None;
    let up = report.step("start PostgreSQL and Redis", || {
        install::ensure(&[Postgres::PACKAGE, Redis::PACKAGE])?;
        servers = Some((Postgres::start()?, Redis::start()?));
        Ok(())
    });
    let Some((postgres, redis)) = servers.filter(|_| up) else {
        return;
    };
    report.counted("tests of the crates", || {
        let mut command = workspace(Command::new("cargo"));
        command
            .args(plan.filter.iter())
            .env("DATABASE_URL", postgres.url("crewdeck"))
            .env("CREWDECK_TEST_REDIS_URL", redis.url());
        cargo_test(&mut command)
    });
}
