//! Our side: `crewdeck` in role operator, and what only it is asked: a leader that dies.

use anyhow::Result;
use serde::Deserialize;
use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Args,
    certificates::OPERATORS,
    cluster::{Cluster, Programs},
    figures,
    measure::{Side, Takeover, side},
    process::Process,
    scene::Scene,
    servers::{Servers, listening},
    subject::{Subject, limit},
    watch::Watch,
};

/// The probes of the first process; those of the second are at the next port.
const PROBES: u16 = 17_900;
/// Platforms that are disturbed while nobody leads.
const DISTURBED: u32 = 20;

#[derive(Debug, Deserialize)]
struct Prepared {
    namespaces: u32,
}

#[derive(Debug, Deserialize)]
struct Disturbed {
    disturbed: u32,
}

/// Measures it on a cluster and servers of its own.
pub(super) fn measure(args: &Args, programs: &Programs, scene: &Scene) -> Result<Side> {
    let servers = Servers::start(scene)?;
    let cluster = Cluster::start("ours", programs, scene)?;
    let secrets = cluster.file("secrets.json", &servers.secrets)?;
    let platforms = args.platforms.to_string();
    let prepared: Prepared =
        cluster.ask(&["prepare", "--platforms", &platforms, "--secrets", &secrets])?;
    eprintln!(
        "      {} namespaces with their Secrets",
        prepared.namespaces
    );
    let one = subject(&cluster, programs, 0);
    let (mut side, process) = side("crewdeck", &one, &cluster, args, &servers.processes());
    if let Some(process) = process {
        if let Err(error) = takeovers(&mut side, &cluster, programs, args, process) {
            side.note(format!("{error:#}"));
        }
        side.tell(figures::TAKEOVER);
    }
    Ok(side)
}

/// Kills one leader after the other.
fn takeovers(
    side: &mut Side,
    cluster: &Cluster<'_>,
    programs: &Programs,
    args: &Args,
    mut leader: Process,
) -> Result<()> {
    for number in 0..args.takeovers {
        let next = usize::try_from((number + 1) % 2)?;
        let (after, takeover) = take_over(cluster, programs, args, leader, next)?;
        leader = after;
        side.takeovers.push(takeover);
    }
    Ok(())
}

/// One of the two processes of role operator.
fn subject(cluster: &Cluster<'_>, programs: &Programs, index: usize) -> Subject<'static> {
    let user = OPERATORS[index];
    let mut command = Command::new(&programs.operator);
    command
        .env("ROLE", "operator")
        .env("KUBECONFIG", cluster.kubeconfig(user))
        .env(
            "CREWDECK_SERVICE_PROBE_LISTEN",
            format!("127.0.0.1:{}", probes(index)),
        )
        // As deployed by the chart.
        .env("CREWDECK_TELEMETRY_FILTER", "info");
    Subject { user, command }
}

fn probes(index: usize) -> u16 {
    PROBES + u16::from(index != 0)
}

/// Kills the leader while the process `next` waits, and measures until that has taken over.
fn take_over(
    cluster: &Cluster<'_>,
    programs: &Programs,
    args: &Args,
    leader: Process,
    next: usize,
) -> Result<(Process, Takeover)> {
    let subject = subject(cluster, programs, next);
    let mut process = subject.start(cluster)?;
    process.wait("it waits for the lease", Duration::from_secs(30), || {
        Ok(listening(probes(next)))
    })?;
    eprintln!("      {} waits, the leader is killed", subject.user);
    let mut watch = Watch::from_now(subject.user, cluster)?;
    let begun = Instant::now();
    leader.kill()?;
    let platforms = args.platforms.min(DISTURBED).to_string();
    let disturbed: Disturbed = cluster.ask(&["disturb", "--platforms", &platforms])?;
    anyhow::ensure!(disturbed.disturbed > 0, "nothing was disturbed");
    let mut leads = None;
    process.wait("it leads and writes", limit(args), || {
        watch.read()?;
        if watch.told.leases > 0 && leads.is_none() {
            leads = Some(begun.elapsed());
        }
        Ok(watch.told.writes > 0)
    })?;
    let writes = begun.elapsed().as_secs_f64();
    subject.settle(&mut watch, &mut process, args)?;
    let takeover = Takeover {
        leads: leads.map_or(writes, |leads| leads.as_secs_f64()),
        writes,
    };
    Ok((process, takeover))
}
