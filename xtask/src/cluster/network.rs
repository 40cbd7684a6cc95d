//! One network namespace a node; node-2 hangs on node-1 by a pair of virtual links. Nothing leads to the machine's own
//! network, and nothing in there reaches it.

use super::{
    node::{NODES, Node},
    process::{inside, netns_file, output, succeeds},
};
use anyhow::Result;
use std::{fs, process::Command};

/// The range of the addresses of Services.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The range that holds every node's range of pods.
pub(crate) const PODS: &str = "10.244.0.0/16";

/// Makes what is missing of a node's network.
pub(crate) fn ensure(node: &Node) -> Result<()> {
    let netns = node.netns;
    // A kill between the two halves of `ip netns add` leaves a file that is no namespace.
    if !succeeds(&mut inside(netns, "true")) {
        let _ = fs::remove_file(netns_file(netns));
        ip(&["netns", "add", netns])?;
    }
    ip(&["-n", netns, "link", "set", "lo", "up"])?;
    if !succeeds(Command::new("ip").args(["-n", netns, "link", "show", "node"])) {
        let first = NODES[0].netns;
        if netns == first {
            // A bridge is the node's interface, since not every kernel has a dummy device.
            ip(&["-n", netns, "link", "add", "node", "type", "bridge"])?;
        } else {
            ip(&[
                "-n", first, "link", "add", node.name, "type", "veth", "peer", "name", "node",
                "netns", netns,
            ])?;
        }
    }
    if netns != NODES[0].netns {
        ip(&[
            "-n",
            NODES[0].netns,
            "link",
            "set",
            node.name,
            "master",
            "node",
            "up",
        ])?;
    }
    ip(&[
        "-n",
        netns,
        "addr",
        "replace",
        &format!("{}/24", node.ip),
        "dev",
        "node",
    ])?;
    ip(&["-n", netns, "link", "set", "node", "up"])?;
    // Nothing can leave, and what tries fails at once instead of hanging.
    ip(&["-n", netns, "route", "replace", "unreachable", "default"])?;
    // A ClusterIP needs some route before kube-proxy rewrites its address.
    ip(&["-n", netns, "route", "replace", SERVICES, "dev", "node"])?;
    output(inside(netns, "sysctl").args(["-qw", "net.ipv4.ip_forward=1"]))?;
    Ok(())
}

/// The routes between the pods of the two nodes.
pub(crate) fn join() -> Result<()> {
    let [one, two] = &NODES;
    for (from, to) in [(one, two), (two, one)] {
        ip(&["-n", from.netns, "route", "replace", to.pods, "via", to.ip])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    output(Command::new("ip").args(arguments)).map(drop)
}
