//! What a process and its children use: processor time and memory, as the kernel counts them.

use anyhow::{Context as _, Result};
use std::fs;

/// Units of `utime`, `stime`, `cutime` and `cstime` in `/proc/PID/stat`, per second: fixed for user space on Linux.
const TICKS: f64 = 100.0;

/// CPU that a process and its children have used, in seconds; those of the children that it has waited for, too.
pub(super) fn cpu_seconds(process: u32) -> Result<f64> {
    let mut sum = 0.0;
    for id in family(process) {
        let stat = match fs::read_to_string(format!("/proc/{id}/stat")) {
            Ok(stat) => stat,
            // A child that has just ended is in its parent's sum from now on.
            Err(_) if id != process => continue,
            Err(error) => return Err(error.into()),
        };
        // The name stands in parentheses and may hold spaces.
        let fields = stat.rsplit_once(") ").context("no name in stat")?.1;
        let ticks: Vec<f64> = fields
            .split(' ')
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse().ok())
            .collect();
        sum += ticks.iter().sum::<f64>() / TICKS;
    }
    Ok(sum)
}

/// The most memory that a process and its children have held, in MiB: the sum of their `VmHWM`.
pub(super) fn peak_mib(process: u32) -> f64 {
    let kib = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
            .unwrap_or_default()
    };
    family(process).into_iter().map(kib).sum::<f64>() / 1024.0
}

/// The load average of the last minute.
pub(super) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}

/// A process and its children.
fn family(process: u32) -> Vec<u32> {
    let children = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    std::iter::once(process)
        .chain(children.split_whitespace().filter_map(|id| id.parse().ok()))
        .collect()
}
