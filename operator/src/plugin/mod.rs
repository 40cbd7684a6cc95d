//! `kubectl crewdeck`, which is `crewdeck platform`: what a person asks about a Platform, and does to it.
//!
//! Each command answers one question, from the Kubernetes API alone and with the rights of whoever asks. None talks to a
//! database, a cache or a broker, and none reads the content of a Secret.

mod change;
mod credentials;
mod error;
mod events;
mod find;
mod grant;
mod keys;
mod leaks;
mod logs;
mod output;
mod plan;
mod report;
mod session;
mod status;
mod time;

use common_clock::SharedClock;

pub use self::{
    error::Error,
    output::{Format, Terminal},
};
use self::{output::Output, session::Session};

/// What is asked, and of which cluster.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What all commands have in common.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Namespace of the Platform [default: the context's]
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, global = true, value_name = "CONTEXT")]
    context: Option<String>,
    /// Kubeconfig to use [default: what KUBECONFIG names, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<std::path::PathBuf>,
    /// For people, or for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    output: Format,
}

const AFTER: &str = "\
Where NAME may be left out, the only Platform of the namespace is meant.

Exit codes: 0 done; 1 failed, with words; 2 used wrongly; 3 looked at and not Ready (status
alone).

Examples:
  kubectl crewdeck status                      what the Platform waits for, and how to mend it
  kubectl crewdeck logs web -f                 the log of every pod of a role, readable
  kubectl crewdeck report demo                 everything that support needs, without secrets";

/// One command.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tells what a Platform waits for, and how it stands
    Status(status::Args),
    /// Tells what the upgrade that is wanted does; approves it
    Plan(plan::Args),
    /// Lists the signing keys; rotates or revokes them
    Keys(keys::Args),
    /// Lists the logins of the roles; rotates them
    Credentials(credentials::Args),
    /// Prints the logs of every pod of a role
    Logs(logs::Args),
    /// Lists what was left on servers, as far as Kubernetes knows
    Leaks(leaks::Args),
    /// Prints the rights that the operator needs for one Platform, as YAML
    Grant(grant::Args),
    /// Packs everything that support needs into one file, without secrets
    Report(report::Args),
}

/// Does what was asked.
///
/// # Errors
/// With words on what to do; [`Error::NotReady`] when that is the answer, which is printed already.
pub async fn run(args: Args, clock: SharedClock, terminal: Terminal<'_>) -> Result<(), Error> {
    let follows = matches!(&args.command, Command::Logs(logs) if logs.follows());
    let session = Session::open(&args.global, clock, follows).await?;
    let output = Output::new(terminal, args.global.output);
    answer(&args.command, &session, output).await
}

/// Does it on a cluster that was found.
async fn answer(command: &Command, session: &Session, mut output: Output<'_>) -> Result<(), Error> {
    let out = &mut output;
    let done = match command {
        Command::Status(args) => status::run(args, session, out).await,
        Command::Plan(args) => plan::run(args, session, out).await,
        Command::Keys(args) => keys::run(args, session, out).await,
        Command::Credentials(args) => credentials::run(args, session, out).await,
        Command::Logs(args) => logs::run(args, session, out).await,
        Command::Leaks(args) => leaks::run(args, session, out).await,
        Command::Grant(args) => grant::run(args, session, out).await,
        Command::Report(args) => report::run(args, session, out).await,
    };
    match done {
        // Whoever reads has enough, such as `head`.
        Err(error) if error.is_closed() => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests;
