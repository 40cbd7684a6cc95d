//! The tests of the crates: types and rules, then stores, services and APIs on real servers of our own.

use super::{Plan, Report, cargo_test};
use crate::{install, repo};
use common_scratch::{Postgres, Redis};
use std::process::Command;

/// Starts the servers, runs the tests, ends the servers.
pub(super) fn run(plan: &Plan, report: &mut Report) {
    let mut servers = None;
    let up = report.step("start PostgreSQL and Redis", || {
        install::ensure(&Postgres::PACKAGE)?;
        install::ensure(&Redis::PACKAGE)?;
        servers = Some((Postgres::start()?, Redis::start()?));
        Ok(())
    });
    let Some((postgres, redis)) = servers.filter(|_| up) else {
        return;
    };
    report.counted("tests of the crates", || {
        let mut command = Command::new("cargo");
        command
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(plan.filter.iter())
            .current_dir(repo::root())
            .env("SQLX_OFFLINE", "true")
            .env("DATABASE_URL", postgres.url("crewdeck"))
            .env("CREWDECK_TEST_REDIS_URL", redis.url());
        cargo_test(&mut command)
    });
}
