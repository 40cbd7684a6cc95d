//! Logs as they are written, of pods that are there and of pods that come.

use std::{collections::BTreeSet, io, time::Duration};

use futures::{
    AsyncBufReadExt as _, StreamExt as _,
    stream::{BoxStream, SelectAll},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt as _, api::LogParams};
use tokio::time::interval;

use super::{Args, CONTAINER, Line, Pods};
use crate::plugin::{Error, output::Output};

/// How often new pods are looked for.
const LOOK: Duration = Duration::from_secs(2);

/// Lines of one pod; an error ends them.
type Lines = BoxStream<'static, (String, io::Result<String>)>;

/// Prints until it is interrupted or nobody reads any more.
pub(super) async fn run(args: &Args, pods: &Pods<'_>, out: &mut Output<'_>) -> Result<(), Error> {
    let mut lines: SelectAll<Lines> = SelectAll::new();
    let mut joined = BTreeSet::new();
    let mut parameters = LogParams {
        follow: true,
        ..args.parameters()
    };
    let mut looks = interval(LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {
                for pod in pods.list().await? {
                    let life = life(&pod);
                    if joined.contains(&life) {
                        continue;
                    }
                    // A container that is not yet started has no log; it is tried again.
                    if let Some(more) = join(pods, &pod.name_any(), &parameters).await? {
                        joined.insert(life);
                        lines.push(more);
                    }
                }
                // Whatever starts from now on is shown from its first line.
                parameters.tail_lines = None;
                parameters.since_seconds = None;
            }
            Some((pod, line)) = lines.next(), if !lines.is_empty() => match line {
                Ok(line) => {
                    let line = Line::read(&pod, &line);
                    out.print(&line.text(out.format(), args.raw, out.paint()))?;
                }
                Err(error) => out.note(&format!("{pod}: the log broke off: {error}"))?,
            },
        }
    }
}

/// The log of a pod from now on; `None` while it has none.
async fn join(pods: &Pods<'_>, name: &str, parameters: &LogParams) -> Result<Option<Lines>, Error> {
    let short = pods.short(name);
    match pods.api().log_stream(name, parameters).await {
        Ok(log) => {
            let lines = log.lines().map(move |line| (short.clone(), line));
            Ok(Some(lines.boxed()))
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => Ok(None),
        Err(error) => Err(pods.failed(&error)),
    }
}

/// One life of a pod's container: after a restart, its log is another one.
fn life(pod: &Pod) -> (Option<String>, i32) {
    let containers = pod
        .status
        .iter()
        .flat_map(|status| &status.container_statuses);
    let restarts = containers
        .flatten()
        .find(|container| container.name == CONTAINER)
        .map_or(0, |container| container.restart_count);
    (pod.uid(), restarts)
}
