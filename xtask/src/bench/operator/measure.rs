//! What is measured of both sides, in this order.

use anyhow::Result;
use serde::Deserialize;

use super::{
    Args,
    cluster::Cluster,
    process::Process,
    subject::{Making, Start, Subject, raw},
};

/// What was found of one side.
#[derive(Debug)]
pub(super) struct Side {
    /// How many Platforms there were.
    pub(super) platforms: f64,
    /// Writes per second that its API server takes of a raw client.
    pub(super) raw: f64,
    /// The making of all Platforms.
    pub(super) making: Making,
    /// A start over them.
    pub(super) alone: Start,
    /// The same with objects of others.
    pub(super) among: Start,
}

impl Side {
    /// Memory that the objects of others add, in MiB; pages of the program come and go and are not in it.
    pub(super) fn by_others(&self) -> f64 {
        self.among.memory.anonymous - self.alone.memory.anonymous
    }
}

#[derive(Debug, Deserialize)]
struct Foreign {
    made: u32,
}

/// Measures one side over Platforms whose namespaces are there; gives its process, which goes on.
pub(super) fn side(
    subject: &Subject<'_>,
    cluster: &Cluster<'_>,
    args: &Args,
    servers: &[(&'static str, u32)],
) -> Result<(Side, Process)> {
    let raw = raw(cluster, args)?;
    let making = subject.make(cluster, args, servers)?;
    let (process, alone) = subject.start_over(cluster, args)?;
    process.stop()?;
    let foreign: Foreign = cluster.ask(&["foreign", "--count", &args.foreign.to_string()])?;
    eprintln!("      {} objects of others were made", foreign.made);
    let (process, among) = subject.start_over(cluster, args)?;
    let side = Side {
        platforms: f64::from(args.platforms),
        raw,
        making,
        alone,
        among,
    };
    Ok((side, process))
}
