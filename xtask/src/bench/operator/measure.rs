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
    /// Writes per second that its API server takes of a raw client.
    pub(super) raw: f64,
    /// The making of all Platforms.
    pub(super) making: Making,
    /// A start over them.
    pub(super) alone: Start,
    /// The same with objects of others.
    pub(super) among: Start,
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
    drop(process);
    let foreign: Foreign = cluster.ask(&["foreign", "--count", &args.foreign.to_string()])?;
    eprintln!("      {} objects of others were made", foreign.made);
    let (process, among) = subject.start_over(cluster, args)?;
    let side = Side {
        raw,
        making,
        alone,
        among,
    };
    Ok((side, process))
}
