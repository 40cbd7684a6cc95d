//! The tests of the crates: types and rules, then stores, services and APIs on real servers of our own.

use super::{Plan, Report, cargo_test, workspace};
use crate::install;
use common_scratch::{Postgres, Promtool, Redis};
use std::process::Command;

/// Starts the servers, runs the tests, ends the servers.
pub(super) fn run(plan: &Plan, report: &mut Report) {
    let mut servers = None;
    let up = report.step("start PostgreSQL and Redis", || {
        install::ensure(&[Postgres::PACKAGE, Redis::PACKAGE, Promtool::PACKAGE])?;
        servers = Some((Postgres::start()?, Redis::start()?));
        Ok(())
    });
    let Some((postgres, redis)) = servers.filter(|_| up) else {
        return;
    };
    report.counted("tests of the crates", || {
        let mut command = workspace(Command::new("cargo"));
        command
            .arg("--")
            .args(plan.filter.iter())
            .args(NEED_THE_CLUSTER.iter().flat_map(|name| ["--skip", name]))
            .env("DATABASE_URL", postgres.url("crewdeck"))
            .env("CREWDECK_TEST_REDIS_URL", redis.url());
        cargo_test(&mut command)
    });
}

/// Parts of the names of those tests that need the local cluster; they have their turn there. One that is not named
/// here fails without its server, so none is forgotten.
const NEED_THE_CLUSTER: &[&str] = &[
    "kafka::conformance_kafka",
    "rabbitmq::conformance_rabbitmq",
    "apply::kafka::tests",
    "apply::postgres::replicated",
    "e2e_",
];
