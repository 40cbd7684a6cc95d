//! `kubectl crewdeck logs`: what every pod of a role wrote, as one log.

mod follow;
mod line;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, LogParams},
};

use self::line::Line;
use super::{Error, error::Asked, find, output::Output, session::Session, time::Span};
use crate::platform::Role;

/// The component of a migration's pods, which have no role of their own.
const MIGRATE: &str = "migrate";
/// The container of ours; others may have been added to the pod.
pub(super) const CONTAINER: &str = "crewdeck";
/// Lines of each pod when nothing else is said.
const LINES: i64 = 100;

/// Whose logs, and how much of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The lines of all pods come in the order of their times, each with the short name of its pod.
With -f they come as they are written, and pods that start meanwhile are joined. Of the
migrations, the newest is shown.

Examples:
  kubectl crewdeck logs web
  kubectl crewdeck logs worker demo -f
  kubectl crewdeck logs migrate --tail 20
  kubectl crewdeck logs web --since 15m -o json | jq 'select(.line.level == \"ERROR\")'")]
pub(super) struct Args {
    /// The role
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(components()))]
    role: String,
    /// Name of the Platform [default: the only one of the namespace]
    name: Option<String>,
    /// Go on with what is written from now on, until interrupted
    #[arg(short, long)]
    follow: bool,
    /// Lines of each pod at most [default: 100, or all with --since]
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(i64).range(1..))]
    tail: Option<i64>,
    /// Only what was written in this time, such as 90s, 15m, 2h or 1d
    #[arg(long, value_name = "TIME")]
    since: Option<Span>,
    /// Lines as they were written
    #[arg(long)]
    raw: bool,
}

impl Args {
    /// Whether it may go on for ever.
    pub(super) fn follows(&self) -> bool {
        self.follow
    }

    /// What the API server is asked for.
    fn parameters(&self) -> LogParams {
        LogParams {
            container: Some(CONTAINER.to_owned()),
            tail_lines: self.tail.or(self.since.is_none().then_some(LINES)),
            since_seconds: self.since.map(|since| since.seconds),
            timestamps: true,
            ..LogParams::default()
        }
    }
}

/// The roles, and the migration.
fn components() -> Vec<&'static str> {
    let roles = Role::ALL.iter().map(|role| role.as_str());
    roles.chain([MIGRATE]).collect()
}

/// The pods that are asked.
struct Pods<'a> {
    session: &'a Session,
    platform: String,
    component: &'a str,
}

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = find::platform(session, args.name.as_deref()).await?;
    let pods = Pods {
        session,
        platform: platform.name_any(),
        component: &args.role,
    };
    if args.follow {
        return follow::run(args, &pods, out).await;
    }
    let list = pods.list().await?;
    if list.is_empty() {
        return Err(Error::refused(format!(
            "Platform {}/{} has no pod of role {}; how it stands: kubectl crewdeck status {} --namespace {}",
            session.namespace, pods.platform, args.role, pods.platform, session.namespace
        )));
    }
    let parameters = args.parameters();
    let api = pods.api();
    let logs = join_all(list.iter().map(|pod| async {
        let name = pod.name_any();
        (pods.short(&name), api.logs(&name, &parameters).await)
    }))
    .await;
    let mut lines: Vec<Line> = Vec::new();
    for (pod, log) in logs {
        match log {
            Ok(log) => lines.extend(log.lines().map(|line| Line::read(&pod, line))),
            Err(error) => out.note(&format!("{pod}: {}", pods.failed(&error)))?,
        }
    }
    // Stable, so that lines without a time stay where their pod wrote them.
    lines.sort_by_key(|line| line.at);
    for line in lines {
        out.print(&line.text(out.format(), args.raw, out.paint()))?;
    }
    Ok(())
}

impl Pods<'_> {
    fn api(&self) -> Api<Pod> {
        Api::namespaced(self.session.client.clone(), &self.session.namespace)
    }

    /// Every pod of the role; of migrations, the newest alone.
    async fn list(&self) -> Result<Vec<Pod>, Error> {
        let labels = format!(
            "app.kubernetes.io/part-of=crewdeck,app.kubernetes.io/instance={},app.kubernetes.io/component={}",
            self.platform, self.component
        );
        let list = self
            .api()
            .list(&ListParams::default().labels(&labels))
            .await;
        let mut pods = list
            .map_err(|error| self.asked("list", "pods").failed(&error))?
            .items;
        pods.sort_by_key(|pod| (pod.creation_timestamp().map(|time| time.0), pod.name_any()));
        if self.component == MIGRATE {
            pods.drain(..pods.len().saturating_sub(1));
        }
        Ok(pods)
    }

    /// `web-x7k2p` for `demo-web-6d5f9c8b7-x7k2p`.
    fn short(&self, pod: &str) -> String {
        let last = pod.rsplit('-').next().unwrap_or(pod);
        format!("{}-{last}", self.component)
    }

    /// Why there is no log, such as that the container is just starting.
    fn failed(&self, error: &kube::Error) -> Error {
        self.asked("get", "pods/log").failed(error)
    }

    fn asked(&self, verb: &'static str, resource: &'static str) -> Asked<'_> {
        Asked {
            verb,
            resource,
            namespace: &self.session.namespace,
        }
    }
}
