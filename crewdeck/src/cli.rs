//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum as _};

use crate::commands::{config, dev, keys, migrate, openapi, smoke, users};
use crate::failure::Usage;
use crate::role::Role;

/// Team work that runs itself on Kubernetes: users, teams, tasks.
///
/// One binary, many roles. In a container the variable ROLE names the role; a command given here wins over it.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Settings come from the file in CREWDECK_CONFIG, and from CREWDECK_<SECTION>_<KEY> or CREWDECK_<SECTION>_<KEY>_FILE."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs one role (the same as `ROLE=web`, …)
    Run {
        /// The role
        role: Role,
    },
    /// Runs every role but the operator in this process, on a PostgreSQL and a Redis of its own
    Dev(dev::Args),
    /// Brings both databases to this version, in two parts between which the roles roll
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Makes users, and takes over those of a former system
    #[command(subcommand)]
    Users(users::Command),
    /// Makes signing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Looks at Platforms on Kubernetes and changes them; as `kubectl-crewdeck` in PATH, it is `kubectl crewdeck`
    Platform(operator::plugin::Args),
    /// Tells of the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Uses a running platform as a person would: signs in, adds a team and a task, reads back, checks the keys
    Smoke(smoke::Args),
    /// Prints the OpenAPI document of a role
    Openapi {
        /// The role
        #[arg(default_value = "web")]
        role: openapi::Api,
    },
    /// Writes the JSON Schema of every event, one file each
    Schemas {
        /// Folder to write to; made if it is missing
        folder: PathBuf,
    },
}

/// Name of the program by which kubectl finds it as a plugin.
const PLUGIN: &str = "kubectl-crewdeck";

/// The program as a plugin of kubectl: nothing but the command `platform`.
///
/// Looks at Platforms of Crewdeck on Kubernetes and changes them.
#[derive(Debug, Parser)]
#[command(version, name = PLUGIN, bin_name = "kubectl crewdeck")]
struct Plugin {
    #[command(flatten)]
    args: operator::plugin::Args,
}

impl Cli {
    /// Reads the arguments of the process, the name it was called by first. Ends the process when they are wrong.
    pub(crate) fn read(arguments: Vec<OsString>) -> Self {
        let name = arguments.first().map(Path::new).and_then(Path::file_name);
        if name.is_some_and(|name| name == PLUGIN) {
            let Plugin { args } = Plugin::parse_from(arguments);
            return Self {
                command: Some(Command::Platform(args)),
            };
        }
        Self::parse_from(arguments)
    }

    /// The command given, or the role of the environment.
    pub(crate) fn command(self, environment: &[(String, String)]) -> Result<Command> {
        if let Some(command) = self.command {
            return Ok(command);
        }
        let role = environment
            .iter()
            .find(|(name, _)| name == "ROLE")
            .map(|(_, value)| value.as_str());
        match role {
            None => Err(Usage::NoRole.into()),
            Some(name) => match Role::from_str(name, false) {
                Ok(role) => Ok(Command::Run { role }),
                Err(_) => Err(Usage::UnknownRole(name.to_owned()).into()),
            },
        }
    }
}
