//! The accept loop of every listener, the second port included.
//!
//! `axum::serve` sets no header timeout: a silent, idle or dribbling connection stays open for ever. This
//! loop gives each connection a timer, and ends gracefully: one inside a request is closed after its
//! answer, one between two requests after the answer to the next, which says so, or after a while.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{StatusCode, Version};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Longest time between a connection's start (or last answer) and the end of a request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection between two requests may stay after a stop was asked for. One that is closed
/// while a request is on its way to it is a failed request, which its client may not dare to repeat.
const LAST_REQUEST: Duration = Duration::from_secs(3);
/// Pause after `accept` failed for want of a resource such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until `soft`, then waits for open connections until `hard`.
pub(crate) async fn run(
    listener: TcpListener,
    app: Router,
    soft: CancellationToken,
    hard: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let app = app.layer(from_fn({
        let soft = soft.clone();
        move |request, next| last_answer(soft.clone(), request, next)
    }));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = soft.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection(stream, peer, app.clone(), graceful.watcher()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    tokio::select! {
        () = ended(&mut connections) => {}
        () = tokio::time::sleep(LAST_REQUEST) => {}
        () = hard.cancelled() => {}
    }
    tokio::select! {
        () = graceful.shutdown() => {}
        () = hard.cancelled() => {}
    }
    connections.shutdown().await;
}

async fn ended(connections: &mut tokio::task::JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// Tells the client, once a stop was asked for, that this connection takes no further request.
async fn last_answer(soft: CancellationToken, request: Request, next: Next) -> Response {
    // HTTP/2 has a message of its own for this, which the graceful end sends.
    let is_told = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    let is_last = soft.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS;
    if is_told && is_last {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Small answers must not wait for more data.
    let _ = stream.set_nodelay(true);
    let asked = CancellationToken::new();
    let begun = asked.clone();
    let service = app.map_request(move |request: hyper::Request<Incoming>| {
        begun.cancel();
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let service = TowerToHyperService::new(service.map_err(|never: Infallible| match never {}));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(HEADER_TIMEOUT));
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        ended = watcher.watch(served.into_owned()) => if let Err(error) = ended {
            tracing::debug!(%error, %peer, "connection ended early");
        },
        () = silence(&asked) => tracing::debug!(%peer, "no request came, the connection is closed"),
    }
}

/// Ends when no request has come in time; otherwise never. hyper's own timers begin once it knows the version of HTTP:
/// until then, and in HTTP/2 until the first request, a client may be silent for as long as it likes.
async fn silence(asked: &CancellationToken) {
    let came = tokio::time::timeout(HEADER_TIMEOUT, asked.cancelled()).await;
    if came.is_ok() {
        pending::<()>().await;
    }
}
