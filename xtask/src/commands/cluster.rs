//! `cargo xtask cluster`.

use crate::cluster::{Lock, forward, image, node, paths, progress, require, turn};
use std::{os::unix::process::CommandExt as _, path::PathBuf, process::Command};

/// Options of `cargo xtask cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

/// What can be done to a part of the cluster.
#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Freeze a node whole: kubelet, proxy, runtime and every pod stop at once
    Freeze {
        /// node-1 or node-2
        node: String,
    },
    /// Let a frozen node go on
    Thaw {
        /// node-1 or node-2
        node: String,
    },
    /// Forward 127.0.0.1:PORT to an address inside the cluster, until `down`
    Forward {
        /// The port on this machine
        port: u16,
        /// ADDRESS:PORT as node-1 sees it: a Service, a pod, a backend
        target: String,
    },
    /// Show the log of a process, or name the logs that there are
    Logs {
        /// The process, as `cargo xtask status` names it
        name: Option<String>,
        /// Stay and show what comes
        #[arg(short, long)]
        follow: bool,
    },
    /// Import an image archive into every node
    Load {
        /// An OCI or Docker archive
        archive: PathBuf,
    },
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    require()?;
    if !matches!(args.act, Act::Logs { .. }) {
        turn::respect()?;
    }
    match &args.act {
        Act::Freeze { node } => node::named(node)?.freeze(true),
        Act::Thaw { node } => node::named(node)?.freeze(false),
        Act::Forward { port, target } => {
            let _lock = Lock::take()?;
            forward::ensure(*port, target)?;
            println!("127.0.0.1:{port} -> {target}");
            Ok(())
        }
        Act::Logs { name, follow } => logs(name.as_deref(), *follow),
        Act::Load { archive } => {
            let nodes = image::import_everywhere(archive)?;
            eprintln!("imported into {nodes} node(s)");
            Ok(())
        }
    }
}

fn logs(name: Option<&str>, follow: bool) -> anyhow::Result<()> {
    let Some(name) = name else {
        let mut names: Vec<String> = std::fs::read_dir(paths::state("log"))?
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".log")?.to_owned()))
            .collect();
        names.sort();
        println!("{}", names.join("\n"));
        return Ok(());
    };
    let file = paths::log(name);
    anyhow::ensure!(
        file.exists(),
        "there is no log of {name}; `cargo xtask cluster logs` names those that there are"
    );
    if follow {
        return Err(Command::new("tail").arg("-F").arg(file).exec().into());
    }
    println!("{}", progress::tail(&file, 200).join("\n"));
    Ok(())
}
