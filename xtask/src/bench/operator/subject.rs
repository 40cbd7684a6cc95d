//! An operator that is measured, and what both sides are asked.

use crate::bench::load::cpu_seconds;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Args,
    audit::{Audit, Told},
    cluster::{Cluster, spec},
    process::{Process, Run},
};

/// Objects that either operator works on at a time, and the writers of the raw rate.
pub(super) const CONCURRENCY: u32 = 32;
/// After so long without a write all is done.
const QUIET: Duration = Duration::from_secs(10);

/// How one of them is started.
pub(super) struct Subject<'a> {
    /// Its user at the API server.
    pub(super) user: &'a str,
    /// What starts it.
    pub(super) command: Command,
}

/// Writes of a raw client.
#[derive(Debug, Deserialize)]
struct Raw {
    writes: u64,
    seconds: f64,
}

/// How far the making of Platforms came.
#[derive(Debug, Deserialize)]
struct Created {
    ready: u32,
    seconds: f64,
}

/// The making of all Platforms.
#[derive(Debug)]
pub(super) struct Making {
    /// Seconds until the last was Ready.
    pub(super) seconds: f64,
    /// Writes of the operator meanwhile.
    pub(super) writes: f64,
    /// Its memory when nothing was written any more.
    pub(super) memory: Memory,
    /// CPU seconds of each process meanwhile.
    pub(super) cpu: Vec<(&'static str, f64)>,
    /// What was written, by verb and resource.
    pub(super) kinds: Vec<(String, u64)>,
}

/// A start over Platforms that stand.
#[derive(Debug)]
pub(super) struct Start {
    /// Seconds until each was looked at.
    pub(super) seconds: f64,
    /// CPU seconds of the operator until then.
    pub(super) cpu: f64,
    /// Writes until then, and until a while without any.
    pub(super) writes: f64,
    /// Memory at the end of that.
    pub(super) memory: Memory,
}

/// Memory of a process, in MiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// What it holds.
    pub(super) resident: f64,
    /// Of that, what is its own: without the pages of its program, which go when memory is short.
    pub(super) anonymous: f64,
    /// The most that it ever held.
    pub(super) peak: f64,
}

/// Writes per second that the API server takes.
pub(super) fn raw(cluster: &Cluster<'_>, args: &Args) -> Result<f64> {
    eprintln!("      the API server's own limit, for {} s", args.seconds);
    let (seconds, concurrency) = (args.seconds.to_string(), CONCURRENCY.to_string());
    let words = ["raw", "--seconds", &seconds, "--concurrency", &concurrency];
    let raw: Raw = cluster.ask(&words)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let writes = raw.writes as f64;
    Ok(writes / raw.seconds)
}

impl Subject<'_> {
    /// Starts it.
    pub(super) fn start(&self, cluster: &Cluster<'_>) -> Result<Process> {
        let run = Run {
            name: self.user,
            user: None,
            end: "KILL",
            logs: &cluster.folder,
            errors: true,
        };
        Process::start(&run, &self.command)
    }

    /// Has the Platforms made under it.
    pub(super) fn make(
        &self,
        cluster: &Cluster<'_>,
        args: &Args,
        servers: &[(&'static str, u32)],
    ) -> Result<Making> {
        let mut process = self.start(cluster)?;
        let mut processes = cluster.processes();
        processes.extend(servers);
        processes.push(("operator", process.id()));
        let cpu = |processes: &[(&'static str, u32)]| -> Result<Vec<f64>> {
            processes.iter().map(|(_, id)| cpu_seconds(*id)).collect()
        };
        let before = cpu(&processes)?;
        let (mut audit, mut told) = (cluster.audit()?, Told::default());
        eprintln!("      {}: {} Platforms are made", self.user, args.platforms);
        let spec = cluster.file("spec.json", &spec())?;
        let (platforms, limit) = (args.platforms.to_string(), (args.limit * 60).to_string());
        let created: Created = cluster.ask(&[
            "create",
            "--platforms",
            &platforms,
            "--spec",
            &spec,
            "--limit",
            &limit,
        ])?;
        audit.read(self.user, &mut told)?;
        let after = cpu(&processes)?;
        anyhow::ensure!(
            created.ready == args.platforms,
            "{} of {} Platforms are Ready after {:.0} s; measure fewer (--platforms) or wait longer (--limit)",
            created.ready,
            args.platforms,
            created.seconds
        );
        let used = before
            .iter()
            .zip(&after)
            .map(|(before, after)| after - before);
        let cpu = processes.iter().map(|(name, _)| *name).zip(used).collect();
        let writes = number(told.writes);
        let kinds = std::mem::take(&mut told.kinds).into_iter().collect();
        self.await_quiet(&mut audit, &mut told, &mut process, args)?;
        let memory = Memory::of(process.id())?;
        // In order, so that the next one need not wait for what it held.
        process.stop()?;
        Ok(Making {
            seconds: created.seconds,
            writes,
            memory,
            cpu,
            kinds,
        })
    }

    /// Waits until it has written nothing for a while.
    pub(super) fn await_quiet(
        &self,
        audit: &mut Audit,
        told: &mut Told,
        process: &mut Process,
        args: &Args,
    ) -> Result<()> {
        eprintln!("      {}: until nothing is written any more", self.user);
        let (mut seen, mut since) = (told.writes, Instant::now());
        process.wait("nothing is written", limit(args), || {
            audit.read(self.user, told)?;
            if told.writes != seen {
                (seen, since) = (told.writes, Instant::now());
            }
            Ok(since.elapsed() > QUIET)
        })
    }

    /// Starts it over Platforms that stand, and waits until it has looked at each and writes nothing any more.
    pub(super) fn start_over(
        &self,
        cluster: &Cluster<'_>,
        args: &Args,
    ) -> Result<(Process, Start)> {
        let platforms = args.platforms;
        eprintln!("      {}: start over {platforms} Platforms", self.user);
        let (mut audit, mut told) = (cluster.audit()?, Told::default());
        let wanted = usize::try_from(platforms)?;
        let begun = Instant::now();
        let mut process = self.start(cluster)?;
        process.wait("each Platform was looked at", limit(args), || {
            audit.read(self.user, &mut told)?;
            Ok(told.visited.len() >= wanted)
        })?;
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(process.id())?);
        self.await_quiet(&mut audit, &mut told, &mut process, args)?;
        for (kind, count) in &told.kinds {
            eprintln!("      {}: wrote {count} × {kind}", self.user);
        }
        let start = Start {
            seconds,
            cpu,
            writes: number(told.writes),
            memory: Memory::of(process.id())?,
        };
        Ok((process, start))
    }
}

/// How long to wait for anything.
pub(super) fn limit(args: &Args) -> Duration {
    Duration::from_secs(u64::from(args.limit) * 60)
}

impl Making {
    /// Writes a second.
    pub(super) fn rate(&self) -> f64 {
        self.writes / self.seconds
    }

    /// CPU seconds of all processes.
    pub(super) fn cpu(&self) -> f64 {
        self.cpu.iter().map(|(_, used)| used).sum()
    }
}

impl Memory {
    fn of(process: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let mib = |label: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(label));
            let kib = line.and_then(|rest| rest.split_whitespace().next());
            let kib: f64 = kib
                .with_context(|| format!("the kernel tells {label}"))?
                .parse()?;
            Ok(kib / 1024.0)
        };
        Ok(Self {
            resident: mib("VmRSS:")?,
            anonymous: mib("RssAnon:")?,
            peak: mib("VmHWM:")?,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn number(value: u64) -> f64 {
    value as f64
}
