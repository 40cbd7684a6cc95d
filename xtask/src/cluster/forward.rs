//! Ports of the machine's loopback that lead into the cluster.
//!
//! Two socat processes meet at a unix socket, one in the cluster's network and one in the machine's, so that no link
//! joins the two.

use super::{
    node::NODES,
    paths,
    process::{self, Daemon, wait_for},
    progress::Failure,
};
use anyhow::Result;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
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
        reads: &[],
    }
    .start(&listen)?;
    wait_for(&within, "its socket", Duration::from_secs(5), || {
        fs::metadata(&socket).is_ok_and(|file| file.file_type().is_socket())
    })?;
    if process::alive(&without).is_none() {
        require_free(port)?;
    }
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
        reads: &[],
    }
    .start(&connect)?;
    wait_for(
        &without,
        &format!("127.0.0.1:{port}"),
        Duration::from_secs(5),
        || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
    )
}

/// Refuses a port of loopback that another program has: it would answer in our place.
pub(crate) fn require_free(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(
            format!("127.0.0.1:{port} cannot be had: {error}"),
            format!("see who listens there (`ss -ltnp 'sport = :{port}'`) and end that, then run the command again"),
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_another_has_is_named() {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = other.local_addr().expect("bound").port();
        let error = require_free(port).expect_err("it is taken").to_string();
        assert!(
            error.contains(&format!("127.0.0.1:{port} cannot be had")),
            "{error}"
        );
        assert!(
            error.contains("what to do: see who listens there"),
            "{error}"
        );
        drop(other);
        require_free(port).expect("it is free again");
    }
}
