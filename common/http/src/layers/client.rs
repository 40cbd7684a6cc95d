//! The caller's address, seen through the proxies that are trusted.

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
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .nth(hops - 1)
        .and_then(|entry| entry.trim().parse().ok())
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
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
}
