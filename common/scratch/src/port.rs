//! Ports of this machine.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Result, bail};

/// A port that was free a moment ago, below the range from which the kernel takes the ports of clients.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 8_000)?;
    for _ in 0..4_000 {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!(
        "no free port between {first} and {} on 127.0.0.1",
        first + 4_000
    )
}

/// Whether a server answers on the port.
pub(crate) fn answers(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Whether a server answers on the port inside a network namespace.
pub(crate) fn answers_in(namespace: &Path, port: u16) -> bool {
    Command::new("nsenter")
        .arg(format!("--net={}", namespace.display()))
        .args(["bash", "-c", &format!("</dev/tcp/127.0.0.1/{port}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
