//! The TCP connections of a pod, as its kernel tells them: the cluster is on this machine, so are its processes.

use anyhow::{Context as _, Result};
use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// `st` of a connection that stands.
const ESTABLISHED: &str = "01";
/// `st` of a port that waits for connections.
const LISTEN: &str = "0A";

/// A connection that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Whether the pod was called; else it called.
    pub inward: bool,
    /// The other end.
    pub other: IpAddr,
    /// The port of the one that was called.
    pub port: u16,
}

/// The connections of a pod that runs on this machine.
///
/// # Errors
/// When none of this machine's processes is the pod's.
pub fn connections(pod: &str) -> Result<BTreeSet<Connection>> {
    let process = process_of(pod).with_context(|| format!("no process of pod {pod}"))?;
    let mut text = String::new();
    for table in ["tcp", "tcp6"] {
        let path = process.join("net").join(table);
        text += &fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    }
    Ok(standing(&text))
}

/// The process whose `HOSTNAME` is the pod's name, and which no other pod's can be.
fn process_of(pod: &str) -> Option<PathBuf> {
    let wanted = format!("HOSTNAME={pod}");
    fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_number(path))
        .find(|path| {
            // A process may end while it is looked at.
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes())
        })
}

fn is_number(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.chars().all(|c| c.is_ascii_digit()))
}

/// The connections in the text of `/proc/net/tcp` and `/proc/net/tcp6`.
fn standing(text: &str) -> BTreeSet<Connection> {
    let lines: Vec<(SocketAddr, SocketAddr, &str)> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some((
                address(words.next()?)?,
                address(words.next()?)?,
                words.next()?,
            ))
        })
        .collect();
    let listening: BTreeSet<u16> = lines
        .iter()
        .filter(|(.., state)| *state == LISTEN)
        .map(|(local, ..)| local.port())
        .collect();
    lines
        .iter()
        .filter(|(_, remote, state)| *state == ESTABLISHED && !remote.ip().is_loopback())
        .map(|(local, remote, _)| {
            let inward = listening.contains(&local.port());
            Connection {
                inward,
                other: remote.ip(),
                port: if inward { local.port() } else { remote.port() },
            }
        })
        .collect()
}

/// `0100007F:1F40` → `127.0.0.1:8000`: words of four bytes in the machine's order, here little-endian.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let bytes: Vec<u8> = ip
        .as_bytes()
        .chunks(8)
        .map(|word| {
            let word = std::str::from_utf8(word).ok()?;
            Some(u32::from_str_radix(word, 16).ok()?.to_le_bytes())
        })
        .collect::<Option<Vec<_>>>()?
        .concat();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?).to_canonical(),
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532        0 1
   1: 0500F40A:1F40 0100F40A:C350 01 00000000:00000000 00:00000000 00000000 65532        0 2
   2: 0500F40A:C351 0200590A:1538 01 00000000:00000000 00:00000000 00000000 65532        0 3
   3: 0500F40A:C352 0200590A:1538 06 00000000:00000000 00:00000000 00000000 65532        0 4
  sl  local_address                         remote_address                        st
   0: 0000000000000000FFFF00000500F40A:C353 0000000000000000FFFF00000200590A:2384 01 0 0
";

    #[test]
    fn connections_have_a_direction() {
        let connection = |inward, other: &str, port| Connection {
            inward,
            other: other.parse().expect("an address"),
            port,
        };
        assert_eq!(
            standing(TABLES),
            BTreeSet::from([
                connection(false, "10.89.0.2", 5432),
                connection(false, "10.89.0.2", 9092),
                connection(true, "10.244.0.1", 8000),
            ])
        );
    }

    #[test]
    fn a_process_is_found_by_its_pod() {
        assert_eq!(process_of("no-such-pod"), None);
    }
}
