//! `kubectl crewdeck report`: everything that support needs to know of one Platform in one file, without secrets.

mod archive;
mod collect;
mod redact;

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use kube::ResourceExt as _;
use serde_json::json;

use self::{archive::Archive, collect::Collect};
use super::{
    Error, find,
    output::{Format, Output, visible},
    session::Session,
};

/// Of which Platform, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file holds the Platform with its status, its Events, Deployments, ReplicaSets, Jobs and
Pods, the ledger of what is on the servers, the names of its Secrets, the last 500 lines of each
pod's log (and of the log before a restart), the operator's log (which tells of other Platforms
too), and versions. What you have no right to read is left out and listed in not-readable.txt.

Of Secrets nothing but name and date is asked for, so that their content never leaves the
cluster. From everything else is taken out: logins in URLs; passwords, tokens, keys and the like
with their names; authorization and cookie headers; signed tokens; private keys as PEM or JWK;
stored forms of passwords; the values of annotations and variables that are not Crewdeck's own.
Look through the file before you send it all the same: it names hosts and people.

Examples:
  kubectl crewdeck report demo
  kubectl crewdeck report demo -f demo.tar.gz
  kubectl crewdeck report demo -f - | ssh support@example.org 'cat > demo.tar.gz'")]
pub(super) struct Args {
    /// Name of the Platform
    name: String,
    /// File to make; - is standard output [default: crewdeck-NAME-TIME.tar.gz]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Namespace of the operator
    #[arg(long, value_name = "NAMESPACE", default_value = "crewdeck-system")]
    operator_namespace: String,
}

/// What a report is and what it leaves out; its first entry.
const README: &str = "\
A report of one Platform of Crewdeck, made by `kubectl crewdeck report`.

platform.yaml       the resource, with what the operator told of it
events.yaml         its Events, oldest first
deployments.yaml, replicasets.yaml, jobs.yaml, pods.yaml, autoscalers.yaml, budgets.yaml,
services.yaml, ingresses.yaml, networkpolicies.yaml
ledger.yaml         what was made on the servers, or was about to be
secrets.yaml        names and dates of its Secrets; their content was not asked for
logs/               the last lines of each pod; .previous is the log before its container's last restart
operator/           the operator's pods and the last lines of their logs
versions.yaml       of this program, the cluster, the definition of the resource
not-readable.txt    what could not be read, and why

<redacted> stands where something was taken out that is a secret or could be one.
";

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = find::platform(session, Some(&args.name)).await?;
    let now = session.now();
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let folder = format!("crewdeck-{}-{stamp}", platform.name_any());
    let file = args.file.clone();
    let file = file.unwrap_or_else(|| PathBuf::from(format!("{folder}.tar.gz")));

    let mut archive = Archive::new(folder, now);
    archive.text("README.txt", README)?;
    let mut collect = Collect::new(session, &platform, archive);
    collect.all(&args.operator_namespace).await?;
    let (mut archive, not_readable) = collect.finish();
    if !not_readable.is_empty() {
        let lines = not_readable.join("\n");
        archive.text("not-readable.txt", &format!("{lines}\n"))?;
    }
    let entries = archive.entries.clone();
    let bytes = archive.finish()?;
    if file == Path::new("-") {
        return out.write(&bytes);
    }
    write(&file, &bytes)?;
    let answer = json!({"file": file, "bytes": bytes.len(), "entries": entries, "notReadable": not_readable});
    if out.format() == Format::Table {
        for line in &not_readable {
            out.note(&format!("not readable: {line}"))?;
        }
    }
    out.answer(&answer, |_| {
        format!(
            "{} holds {} entries; look through it before you send it: tar -tzf {}\n",
            visible(&file.display().to_string()),
            entries.len(),
            visible(&file.display().to_string())
        )
    })
}

/// Makes the file, for nobody but its owner. One that is there is never overwritten.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Error> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    made.and_then(|mut made| made.write_all(bytes))
        .map_err(|error| {
            Error::refused(format!(
                "cannot make {}: {error}; name another file with -f",
                file.display()
            ))
        })
}
