//! Ports of the machine's loopback that lead into the cluster.
//!
//! Two socat processes meet at a unix socket, one in the cluster's network and one in the machine's, so that no link
//! joins the two.

use super::{
    node::NODES,
    paths,
    process::{self, Daemon, wait_for},
    render,
};
use anyhow::Result;
use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _},
    process::Command,
    time::Duration,
};

/// Forwards 127.0.0.1:`port` to an address as node-1 sees it: the API server, a Service, a pod, a backend.
pub(crate) fn ensure(port: u16, target: &str) -> Result<()> {
    let folder = paths::run("forward");
    if !folder.exists() {
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
    }
    let (within, without) = (format!("forward-{port}.in"), format!("forward-{port}.out"));
    let note = folder.join(format!("{port}.target"));
    if fs::read_to_string(&note).ok().as_deref() != Some(target) {
        process::stop("TERM", &[without.clone(), within.clone()]);
    }
    let socket = folder.join(format!("{port}.sock"));
    let mut listen = Command::new("socat");
    listen
        .arg(format!(
            "UNIX-LISTEN:{},fork,unlink-early,backlog=128",
            socket.display()
        ))
        .arg(format!("TCP:{target}"));
    Daemon {
        name: &within,
        netns: Some(NODES[0].netns),
        group: None,
    }
    .start(&listen)?;
    wait_for(&within, "its socket", Duration::from_secs(5), || {
        fs::metadata(&socket).is_ok_and(|file| file.file_type().is_socket())
    })?;
    let mut connect = Command::new("socat");
    connect
        .arg(format!(
            "TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=128"
        ))
        .arg(format!("UNIX-CONNECT:{}", socket.display()));
    Daemon {
        name: &without,
        netns: None,
        group: None,
    }
    .start(&connect)?;
    wait_for(
        &without,
        &format!("127.0.0.1:{port}"),
        Duration::from_secs(5),
        || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
    )?;
    render::write(&note, target, 0o600, None)
}
