//! From a command to the crate that does it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use common_clock::{SharedClock, SharedIds, SystemClock, SystemIds};
use common_config::Source;
use common_service::{Service, ServiceConfig, end_of_process};
use common_telemetry::TelemetryConfig;
use tokio_util::sync::CancellationToken;

use crate::cli::Command;
use crate::commands::{config, dev, keys, migrate, openapi, platform, schemas, smoke, users};
use crate::role::Role;
use crate::sections;

/// Does what the command says, until it is done or the process is told to end.
pub(crate) async fn run(command: Command, environment: Vec<(String, String)>) -> Result<()> {
    let stops_in_order = match &command {
        Command::Run { role } => *role != Role::Migrate,
        Command::Dev(_) => true,
        Command::Migrate(_) | Command::Smoke(_) => false,
        // Somebody sits before it: it ends as every program does.
        _ => return act(command, environment, &CancellationToken::new()).await,
    };
    let end = end_of_process()?;
    let work = Box::pin(act(command, environment, &end));
    if stops_in_order {
        return work.await;
    }
    let done = end.run_until_cancelled(work).await;
    done.unwrap_or_else(|| bail!("told to end before it was done"))
}

async fn act(
    command: Command,
    environment: Vec<(String, String)>,
    end: &CancellationToken,
) -> Result<()> {
    // Fails only if a provider is installed already, and nothing ran before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (clock, ids): (SharedClock, SharedIds) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let file = environment
        .iter()
        .find(|(name, _)| name == "CREWDECK_CONFIG")
        .map(|(_, path)| PathBuf::from(path));
    match command {
        Command::Smoke(args) => smoke::run(args, clock, &ids).await,
        Command::Openapi { role } => openapi::run(role),
        Command::Config(command) => config::run(&command),
        Command::Keys(command) => keys::run(command, &ids).await,
        Command::Platform(args) => Box::pin(platform::run(args, &environment, clock)).await,
        Command::Schemas { folder } => schemas::run(&folder),
        Command::Dev(args) => {
            Box::pin(dev::run(
                &args,
                file.as_deref(),
                environment,
                (clock, ids),
                end,
            ))
            .await
        }
        Command::Users(command) => {
            let source = load(file.as_deref(), environment)?;
            users::run(command, &source, &clock, &ids).await
        }
        Command::Migrate(command) => {
            let source = load(file.as_deref(), environment)?;
            let telemetry: TelemetryConfig = source.section()?;
            let _guard = common_telemetry::init(&telemetry, Role::Migrate.as_str())?;
            sections::tell_passed_over(&source);
            migrate::run(command, &source, &clock, &ids).await
        }
        Command::Run { role } => {
            let source = load(file.as_deref(), environment)?;
            run_role(role, &source, clock, ids, end).await
        }
    }
}

/// The configuration, without sections that nobody reads.
fn load(file: Option<&Path>, environment: Vec<(String, String)>) -> Result<Source> {
    let source = Source::load(file, environment)?;
    sections::deny_unknown(&source)?;
    Ok(source)
}

async fn run_role(
    role: Role,
    source: &Source,
    clock: SharedClock,
    ids: SharedIds,
    end: &CancellationToken,
) -> Result<()> {
    let telemetry: TelemetryConfig = source.section()?;
    let guard = common_telemetry::init(&telemetry, role.as_str())?;
    sections::tell_passed_over(source);
    if role == Role::Migrate {
        return migrate::apply(&migrate::ApplyArgs::default(), source, &clock, &ids).await;
    }
    let config: ServiceConfig = source.section()?;
    let service = Service::new(role.as_str(), config, clock, ids, guard.prometheus()).until(end);
    tracing::info!(
        role = role.as_str(),
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );
    match role {
        Role::Web => api_server::roles::web::run(source, service).await,
        Role::Worker => api_server::roles::worker::run(source, service).await,
        Role::Beat => api_server::roles::beat::run(source, service).await,
        Role::Realtime => api_server::roles::realtime::run(source, service).await,
        Role::Analytics => analytics::roles::analytics::run(source, service).await,
        Role::AnalyticsWorker => analytics::roles::analytics_worker::run(source, service).await,
        Role::Operator => operator::run(source.section()?, service).await,
        Role::Migrate => Ok(()), // done above
    }
}
