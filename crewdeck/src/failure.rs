//! How the process ends when something fails: words on stderr and an exit code of sysexits.h.

use std::process::ExitCode;

use clap::ValueEnum as _;
use common_config::ConfigError;

use operator::plugin;

use crate::commands::migrate::Failed;
use crate::role::Role;

/// Nothing that can be run was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    /// Neither a command nor a role.
    #[error(
        "nothing to run: set ROLE or give a command (see --help); roles: {}",
        roles()
    )]
    NoRole,
    /// `ROLE` names no role.
    #[error("ROLE={name} is no role; roles: {}", roles(), name = .0)]
    UnknownRole(String),
}

fn roles() -> String {
    Role::value_variants()
        .iter()
        .map(|role| role.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Exit code of `crewdeck platform status` for a Platform that is not Ready.
const NOT_READY: u8 = 3;

/// Tells the error and gives the exit code: 64 for wrong use, 78 for wrong configuration, else 1. That a Platform is not
/// Ready is told already.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(failed) = error.downcast_ref::<Failed>() {
        eprintln!("{}", failed.line());
        return ExitCode::FAILURE;
    }
    if let Some(plugin::Error::NotReady) = error.downcast_ref() {
        return ExitCode::from(NOT_READY);
    }
    eprintln!("crewdeck: {error:#}");
    if error.chain().any(<dyn std::error::Error>::is::<Usage>) {
        ExitCode::from(64)
    } else if error
        .chain()
        .any(<dyn std::error::Error>::is::<ConfigError>)
    {
        ExitCode::from(78)
    } else {
        ExitCode::FAILURE
    }
}
