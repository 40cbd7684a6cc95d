//! What is measured of both sides, in this order. Each figure is printed when it is known; what goes wrong ends its side, and what
//! was found until then stays.

use anyhow::Result;
use serde::Deserialize;

use super::{
    Args,
    cluster::Cluster,
    figures::{self, Row},
    process::Process,
    subject::{Making, Start, Subject, raw},
};

/// Seconds after which a change of drift that lasts is an error.
const DRIFT: u64 = 600;

/// What was found of one side.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Its name.
    pub(super) name: &'static str,
    /// How many Platforms there were.
    pub(super) platforms: f64,
    /// Writes per second that its API server takes of a raw client.
    pub(super) raw: Option<f64>,
    /// The making of all Platforms.
    pub(super) making: Option<Making>,
    /// A start over them.
    pub(super) alone: Option<Start>,
    /// The same with objects of others.
    pub(super) among: Option<Start>,
    /// Milliseconds until each change of drift was put right, in order.
    pub(super) drift: Vec<f64>,
    /// After each kill of the leader; nobody but ours has one.
    pub(super) takeovers: Vec<Takeover>,
    /// What ended in another way than it should have.
    pub(super) notes: Vec<String>,
}

/// What came after a kill of the leader.
#[derive(Debug)]
pub(super) struct Takeover {
    /// Seconds until the other process held the Lease.
    pub(super) leads: f64,
    /// Seconds until its first write.
    pub(super) writes: f64,
}

impl Side {
    /// Memory that the objects of others add, in MiB; pages of the program come and go and are not in it.
    pub(super) fn by_others(&self) -> Option<f64> {
        let anonymous = |start: &Option<Start>| {
            let settled = start.as_ref()?.settled.as_ref()?;
            Some(settled.memory.anonymous)
        };
        Some(anonymous(&self.among)? - anonymous(&self.alone)?)
    }

    /// Ends a process in order; that it did not is told with the figures.
    pub(super) fn stop(&mut self, process: Process) -> Result<()> {
        if let Some(note) = process.stop()? {
            self.note(note);
        }
        Ok(())
    }

    /// Keeps what ended in another way than it should have.
    pub(super) fn note(&mut self, note: String) {
        eprintln!("      {}: {note}", self.name);
        self.notes.push(note);
    }

    /// Prints the figures that these rows have.
    pub(super) fn tell(&self, rows: &[Row]) {
        figures::tell(self, rows);
    }
}

#[derive(Debug, Deserialize)]
struct Foreign {
    made: u32,
}

#[derive(Debug, Deserialize)]
struct Drift {
    milliseconds: Vec<f64>,
}

/// Measures one side over Platforms whose namespaces are there; gives its process, which goes on, unless something went wrong.
pub(super) fn side(
    name: &'static str,
    subject: &Subject<'_>,
    cluster: &Cluster<'_>,
    args: &Args,
    servers: &[(&'static str, u32)],
) -> (Side, Option<Process>) {
    let mut side = Side {
        name,
        platforms: f64::from(args.platforms),
        ..Side::default()
    };
    let process = measure(&mut side, subject, cluster, args, servers)
        .map_err(|error| side.note(format!("{error:#}")))
        .ok();
    (side, process)
}

fn measure(
    side: &mut Side,
    subject: &Subject<'_>,
    cluster: &Cluster<'_>,
    args: &Args,
    servers: &[(&'static str, u32)],
) -> Result<Process> {
    side.raw = Some(raw(cluster, args)?);
    side.tell(figures::RAW);
    let (making, process) = subject.make(cluster, args, servers)?;
    let complete = making.complete();
    side.making = Some(making);
    side.tell(figures::MAKING);
    // In order, so that the next one need not wait for what it held.
    side.stop(process?)?;
    complete?;
    let (alone, process) = subject.start_over(cluster, args)?;
    side.alone = Some(alone);
    side.tell(figures::ALONE);
    side.stop(process?)?;
    let foreign: Foreign = cluster.ask(&["foreign", "--count", &args.foreign.to_string()])?;
    eprintln!("      {} objects of others were made", foreign.made);
    let (among, process) = subject.start_over(cluster, args)?;
    side.among = Some(among);
    side.tell(figures::AMONG);
    let process = process?;
    side.drift = drift(cluster, args)?;
    side.tell(figures::DRIFT);
    Ok(process)
}

fn drift(cluster: &Cluster<'_>, args: &Args) -> Result<Vec<f64>> {
    let (platforms, times) = (args.platforms.to_string(), args.drifts.to_string());
    eprintln!("      {times} changes of drift");
    let mut drift: Drift = cluster.ask(&[
        "drift",
        "--platforms",
        &platforms,
        "--times",
        &times,
        "--limit",
        &DRIFT.to_string(),
    ])?;
    drift.milliseconds.sort_by(f64::total_cmp);
    Ok(drift.milliseconds)
}
