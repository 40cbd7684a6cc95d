//! `crewdeck dev`: every role but the operator in one process, with events in memory, on servers of its own.

mod backing;
mod roles;
mod settings;

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use api_server::commands::Administrator;
use common_clock::{SharedClock, SharedIds};
use common_config::{SecretRef, Source};
use common_db::Phase;
use tokio_util::sync::CancellationToken;

use self::backing::Backing;
use self::settings::Settings;
use super::keys;
use crate::sections;

/// How to run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "PostgreSQL and Redis are started in a temporary folder and end with this process, unless database.url or redis.url names one of yours (CREWDECK_DATABASE_URL, CREWDECK_REDIS_URL)."
)]
pub(crate) struct Args {
    /// Port of the API; realtime and analytics take the next two, probes and metrics the six from 1000 above
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..=64_000))]
    port: u16,
}

/// Address that the first administrator signs in with.
const EMAIL: &str = "admin@crewdeck.localhost";

/// Runs until `end` is cancelled.
pub(crate) async fn run(
    args: &Args,
    file: Option<&Path>,
    environment: Vec<(String, String)>,
    (clock, ids): (SharedClock, SharedIds),
    end: &CancellationToken,
) -> Result<()> {
    let given = Source::load(file, environment.clone())?;
    sections::deny_unknown(&given)?;
    // Here, not on a spawned task: the kernel ends the servers when the thread that started them ends.
    let backing = Backing::start(&given)?;
    tell(&backing.lines());
    let keys = keys::generate(&backing.folder().join("keys"), &ids).await?;
    let settings = Settings {
        port: args.port,
        database: backing.database(&given)?,
        redis: backing.redis(&given)?,
        keys,
        cursor_key: ids.token(32),
    };
    let environment = settings.under(&given, environment);
    let source = Source::load(file, environment.clone())?;
    let telemetry = common_telemetry::init(&source.section()?, "dev")?;

    let password = ids.token(12);
    let first = Administrator {
        email: SecretRef::from(EMAIL.to_owned()),
        password: SecretRef::from(password.clone()),
    };
    let database = SecretRef::from(settings.database.clone());
    let tables = async {
        let made =
            api_server::commands::migrate(&database, &Phase::ALL, Some(&first), &clock, &ids)
                .await
                .context("the application's database")?;
        let report = analytics::migrate(&database, &Phase::ALL)
            .await
            .context("the tables of analytics")?;
        anyhow::Ok((made, report))
    };
    // It waits for another one who migrates the same database.
    let Some(tables) = end.run_until_cancelled(Box::pin(tables)).await else {
        return Ok(());
    };
    let (made, report) = tables?;
    tell(&[format!(
        "✓ tables ({} migrations of analytics)",
        report.total
    )]);

    let running = roles::start(
        file,
        &environment,
        &settings,
        (&clock, &ids),
        &telemetry.prometheus(),
        end,
    )?;
    let outcome = running
        .until_stopped(|| tell(&ready(args.port, made.is_some().then_some(&password))))
        .await;
    // The roles have let go of the servers: now these may end.
    drop(backing);
    outcome
}

/// What a person does next.
fn ready(port: u16, password: Option<&String>) -> Vec<String> {
    let login = match password {
        Some(password) => format!("{EMAIL} / {password}   (made for this run)"),
        None => "as before; another: crewdeck users create-admin --email <address>".to_owned(),
    };
    vec![
        "✓ web, worker, beat, realtime, analytics, analytics-worker".to_owned(),
        String::new(),
        format!("  API       http://localhost:{port}/api/v1/"),
        format!("  API docs  http://localhost:{port}/api/docs"),
        format!("  Realtime  ws://localhost:{}/ws", port + 1),
        format!(
            "  Analytics http://localhost:{}/api/v1/analytics/",
            port + 2
        ),
        format!("  Login     {login}"),
        String::new(),
        "Ready. Ctrl-C ends it.".to_owned(),
    ]
}

/// Lines on stdout; a reader that went away must not end the roles.
fn tell(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    let _ = out.flush();
}
