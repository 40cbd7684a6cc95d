//! The caller's address, seen through the proxies that are trusted.
//!
//! `X-Forwarded-For` alone is read, which every proxy writes. `Forwarded` (RFC 7239) is not: a proxy that does not write it
//! passes on what the caller wrote.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

/// The address that a request comes from, in its extensions; absent where the server knows none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Notes the caller's address: the peer, or with trusted proxies the entry of `X-Forwarded-For` that
/// the outermost of them wrote. What a caller writes itself is further left and never believed.
pub(super) async fn note_client(
    State(hops): State<usize>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    if let Some(address) = peer.map(|peer| through(request.headers(), peer, hops)) {
        request
            .extensions_mut()
            .insert(ClientAddress(address.to_canonical()));
    }
    next.run(request).await
}

fn through(headers: &HeaderMap, peer: IpAddr, hops: usize) -> IpAddr {
    if hops == 0 {
        return peer;
    }
    // By bytes: a caller who writes what is no text must not hide what a proxy wrote after it.
    headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .nth(hops - 1)
        .and_then(|entry| address(std::str::from_utf8(entry).ok()?.trim()))
        .unwrap_or(peer)
}

/// An entry: an address, which some proxies write with its port. What is hidden (`unknown`, `_name`) is none.
fn address(entry: &str) -> Option<IpAddr> {
    let plain = entry.parse().ok();
    plain.or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let peer: IpAddr = "10.0.0.1".parse().expect("an address");
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            "6.6.6.6, 198.51.100.7, 10.0.0.9".parse().expect("text"),
        );
        let seen = |hops| through(&headers, peer, hops).to_string();
        assert_eq!(seen(0), "10.0.0.1");
        assert_eq!(seen(1), "10.0.0.9");
        assert_eq!(seen(2), "198.51.100.7");
        assert_eq!(seen(9), "10.0.0.1");
        assert_eq!(through(&HeaderMap::new(), peer, 1), peer);
    }

    #[test]
    fn an_entry_may_have_a_port_and_a_hidden_one_is_none() {
        let peer: IpAddr = "10.0.0.1".parse().expect("an address");
        for (entry, seen) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:198.51.100.7", "::ffff:198.51.100.7"),
            ("unknown", "10.0.0.1"),
            ("_hidden", "10.0.0.1"),
            ("for=198.51.100.7", "10.0.0.1"),
            ("198.51.100.7:", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", entry.parse().expect("text"));
            assert_eq!(through(&headers, peer, 1).to_string(), seen, "{entry}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", "for=6.6.6.6".parse().expect("text"));
        assert_eq!(through(&headers, peer, 1), peer, "RFC 7239 is not read");
    }

    #[test]
    fn what_a_caller_writes_moves_nothing() {
        let peer: IpAddr = "10.0.0.1".parse().expect("an address");
        let seen = |hops, lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                let line = HeaderValue::from_bytes(line).expect("a header");
                headers.append("x-forwarded-for", line);
            }
            through(&headers, peer, hops).to_string()
        };
        // Lines of its own, and what is no text, before the entry of the one trusted proxy.
        assert_eq!(seen(1, &[b"6.6.6.6", b"198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen(1, &[b"\xff, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen(1, &[b"6.6.6.6,,", b" 2001:db8::7 "]), "2001:db8::7");
        // A request that went around the proxies has too few entries: its peer counts.
        assert_eq!(seen(2, &[b"6.6.6.6"]), "10.0.0.1");
        assert_eq!(seen(0, &[b"6.6.6.6"]), "10.0.0.1");
    }
}
