//! An operator that is measured, and what both sides are asked.

use crate::bench::usage::cpu_seconds;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Args,
    cluster::{Cluster, spec},
    process::{Process, Run},
    watch::Watch,
};

/// Objects that either operator works on at a time, and the writers of the raw rate.
pub(super) const CONCURRENCY: u32 = 32;

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
    /// How many were not Ready in the end.
    unready: u32,
    /// Seconds until the last was Ready, or until the others were waited for no more.
    seconds: f64,
    /// Writes of the operator meanwhile.
    pub(super) writes: f64,
    /// After that; `None` when it ended before.
    pub(super) settled: Option<Settled>,
    /// CPU seconds of each process meanwhile.
    pub(super) cpu: Vec<(&'static str, f64)>,
    /// What was written, by verb and resource.
    pub(super) kinds: Vec<(String, u64)>,
}

/// A start over Platforms that stand.
#[derive(Debug)]
pub(super) struct Start {
    begun: Instant,
    /// Seconds until each was looked at.
    pub(super) looked: f64,
    /// CPU seconds of the operator until then.
    pub(super) cpu: f64,
    /// After that; `None` when it ended before.
    pub(super) settled: Option<Settled>,
}

/// What was found when nothing was written any more, or when that was waited for no more.
#[derive(Debug)]
pub(super) struct Settled {
    /// When it wrote last.
    wrote: Option<Instant>,
    /// What it wrote from its start.
    pub(super) writes: f64,
    /// Its memory.
    pub(super) memory: Memory,
    /// Writes in the last minute, when it did not come to rest.
    pub(super) restless: Option<f64>,
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

    /// Has the Platforms made under it; gives its process, unless that ended before it came to rest.
    pub(super) fn make(
        &self,
        cluster: &Cluster<'_>,
        args: &Args,
        servers: &[(&'static str, u32)],
    ) -> Result<(Making, Result<Process>)> {
        let mut process = self.start(cluster)?;
        let mut processes = cluster.processes();
        processes.extend(servers);
        processes.push(("operator", process.id()));
        let cpu = |processes: &[(&'static str, u32)]| -> Result<Vec<f64>> {
            processes.iter().map(|(_, id)| cpu_seconds(*id)).collect()
        };
        let before = cpu(&processes)?;
        let mut watch = Watch::from_now(self.user, cluster)?;
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
        watch.read()?;
        let after = cpu(&processes)?;
        let used = before
            .iter()
            .zip(&after)
            .map(|(before, after)| after - before);
        let cpu = processes.iter().map(|(name, _)| *name).zip(used).collect();
        let writes = number(watch.told.writes);
        let kinds = std::mem::take(&mut watch.told.kinds).into_iter().collect();
        let mut making = Making {
            unready: args.platforms.saturating_sub(created.ready),
            seconds: created.seconds,
            writes,
            settled: None,
            cpu,
            kinds,
        };
        let settled = self.settle(&mut watch, &mut process, args);
        let settled = settled.map(|settled| making.settled = Some(settled));
        Ok((making, settled.map(|()| process)))
    }

    /// Waits until it has written nothing for a while, and no longer than is asked for.
    pub(super) fn settle(
        &self,
        watch: &mut Watch<'_>,
        process: &mut Process,
        args: &Args,
    ) -> Result<Settled> {
        eprintln!("      {}: until nothing is written any more", self.user);
        let patience = Duration::from_secs(u64::from(args.rest) * 60);
        let deadline = Instant::now() + patience;
        let mut rests = false;
        // Who ends meanwhile is told by its own words; the limit is never met.
        process.wait("nothing is written", patience * 2, || {
            watch.read()?;
            rests = watch.is_quiet();
            Ok(rests || Instant::now() >= deadline)
        })?;
        Ok(Settled {
            wrote: watch.wrote_last(),
            writes: number(watch.told.writes),
            memory: Memory::of(process.id())?,
            restless: (!rests).then(|| number(watch.in_the_last_minute())),
        })
    }

    /// Starts it over Platforms that stand, and waits until it has looked at each and writes nothing any more; gives its process,
    /// unless that ended before it came to rest.
    pub(super) fn start_over(
        &self,
        cluster: &Cluster<'_>,
        args: &Args,
    ) -> Result<(Start, Result<Process>)> {
        let platforms = args.platforms;
        eprintln!("      {}: start over {platforms} Platforms", self.user);
        let mut watch = Watch::from_now(self.user, cluster)?;
        let wanted = usize::try_from(platforms)?;
        let begun = Instant::now();
        let mut process = self.start(cluster)?;
        let each = process.wait("each Platform was looked at", limit(args), || {
            watch.read()?;
            Ok(watch.told.visited.len() >= wanted)
        });
        each.with_context(|| {
            let seen = watch.told.visited.len();
            format!("{seen} of {platforms} Platforms were looked at")
        })?;
        let mut start = Start {
            begun,
            looked: begun.elapsed().as_secs_f64(),
            cpu: cpu_seconds(process.id())?,
            settled: None,
        };
        let settled = self.settle(&mut watch, &mut process, args);
        for (kind, count) in &watch.told.kinds {
            eprintln!("      {}: wrote {count} × {kind}", self.user);
        }
        let settled = settled.map(|settled| start.settled = Some(settled));
        Ok((start, settled.map(|()| process)))
    }
}

/// How long to wait for anything.
pub(super) fn limit(args: &Args) -> Duration {
    Duration::from_secs(u64::from(args.limit) * 60)
}

impl Start {
    /// Seconds until each was looked at and until the last write; without an end when it did not come to rest.
    pub(super) fn idle(&self) -> Option<f64> {
        let settled = self.settled.as_ref()?;
        let wrote = settled
            .wrote
            .map_or(0.0, |at| at.duration_since(self.begun).as_secs_f64());
        Some(match settled.restless {
            None => self.looked.max(wrote),
            Some(_) => f64::INFINITY,
        })
    }
}

impl Making {
    /// Seconds until the last was Ready; without an end when some never were.
    pub(super) fn until_ready(&self) -> f64 {
        if self.unready == 0 {
            self.seconds
        } else {
            f64::INFINITY
        }
    }

    /// An error when some were not Ready: then there is nothing to start over.
    pub(super) fn complete(&self) -> Result<()> {
        anyhow::ensure!(
            self.unready == 0,
            "{} Platforms are not Ready after {:.0} s; measure fewer (--platforms) or wait longer (--limit)",
            self.unready,
            self.seconds
        );
        Ok(())
    }

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
