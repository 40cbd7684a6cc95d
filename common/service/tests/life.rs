//! Life of a role over real sockets.
#![expect(
    clippy::disallowed_methods,
    reason = "a test watches the role from outside its tracker"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use common_clock::{SystemClock, SystemIds};
use common_service::{Service, ServiceConfig};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn service(drain_seconds: u64) -> Service {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ServiceConfig {
        listen: loopback,
        probe_listen: loopback,
        drain_seconds,
    };
    let prometheus = PrometheusBuilder::new().build_recorder().handle();
    Service::new(
        "web",
        config,
        Arc::new(SystemClock),
        Arc::new(SystemIds),
        prometheus,
    )
}

async fn exchange(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("listening");
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

/// An application whose `/slow` tells that it was entered, and answers when the gate opens.
fn slow() -> (
    Router,
    tokio::sync::mpsc::Receiver<()>,
    Arc<tokio::sync::Notify>,
) {
    let (entered, inside) = tokio::sync::mpsc::channel(1);
    let gate = Arc::new(tokio::sync::Notify::new());
    let wait = Arc::clone(&gate);
    let app = Router::new().route(
        "/slow",
        get(move || async move {
            entered.send(()).await.expect("the test listens");
            wait.notified().await;
            "done"
        }),
    );
    (app, inside, gate)
}

#[tokio::test]
async fn a_running_request_is_answered_before_the_role_ends() {
    let service = service(10);
    let (app, mut inside, gate) = slow();
    let soft = service.soft();
    let address = service
        .listen(service.config().listen, app)
        .await
        .expect("bound");
    let role = tokio::spawn(service.run());
    let request = tokio::spawn(async move { exchange(address, "/slow").await });
    inside.recv().await.expect("the handler runs");
    soft.cancel();
    gate.notify_one();
    assert!(request.await.expect("joined").ends_with("done"));
    role.await.expect("joined").expect("a clean end");
}

#[tokio::test]
async fn a_kept_connection_takes_one_more_request_and_says_that_it_is_the_last() {
    let service = service(10);
    let app = Router::new().route("/", get(|| async { "done" }));
    let soft = service.soft();
    let address = service
        .listen(service.config().listen, app)
        .await
        .expect("bound");
    let role = tokio::spawn(service.run());
    let mut stream = TcpStream::connect(address).await.expect("listening");
    let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let mut first = [0; 512];
    let length = stream.read(&mut first).await.expect("answered");
    let first = String::from_utf8_lossy(&first[..length]);
    assert!(
        first.ends_with("done") && !first.contains("connection: close"),
        "{first}"
    );

    soft.cancel();
    stream.write_all(request).await.expect("sent");
    let mut last = String::new();
    stream.read_to_string(&mut last).await.expect("to the end");
    assert!(
        last.ends_with("done") && last.contains("connection: close"),
        "{last}"
    );
    role.await.expect("joined").expect("a clean end");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed() {
    let service = service(10);
    let app = Router::new().route("/", get(|| async { "done" }));
    let address = service
        .listen(service.config().listen, app)
        .await
        .expect("bound");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // The last one is a whole beginning of HTTP/2: preface and an empty frame SETTINGS.
    let settings = [preface.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    for sent in [b"".as_slice(), b"G", b"PRI *", preface, &settings] {
        let mut stream = TcpStream::connect(address).await.expect("listening");
        stream.write_all(sent).await.expect("sent");
        let mut answer = Vec::new();
        // Time that nobody waits for: the clock of this test jumps. Shorter than HTTP/2 takes to miss an answer to its ping.
        let limit = Duration::from_secs(30);
        let closed = tokio::time::timeout(limit, stream.read_to_end(&mut answer)).await;
        assert!(
            closed.is_ok(),
            "{:?} is kept",
            String::from_utf8_lossy(sent)
        );
    }
}

#[tokio::test]
async fn a_long_request_is_not_taken_for_silence() {
    let service = service(10);
    let (app, mut inside, gate) = slow();
    let address = service
        .listen(service.config().listen, app)
        .await
        .expect("bound");
    let request = tokio::spawn(async move { exchange(address, "/slow").await });
    inside.recv().await.expect("the handler runs");
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    gate.notify_one();
    assert!(request.await.expect("joined").ends_with("done"));
}

#[tokio::test]
async fn failed_work_stops_the_role_with_its_error() {
    let service = service(1);
    service.spawn("relay", async { anyhow::bail!("broker is gone") });
    let error = service.run().await.expect_err("the failure is the result");
    assert_eq!(format!("{error:#}"), "relay: broker is gone");
}

#[tokio::test]
async fn panicking_work_stops_the_role() {
    let service = service(1);
    service.spawn("hub", async { panic!("a bug") });
    let error = service.run().await.expect_err("a panic is a failure");
    assert!(error.to_string().contains("hub panicked"), "{error:#}");
}

#[tokio::test]
async fn stuck_work_is_given_up_after_the_drain_time() {
    let service = service(0);
    let hard = service.hard();
    service.spawn("stuck", async move {
        hard.cancelled().await;
        Ok(())
    });
    service.soft().cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), service.run()).await;
    ended.expect("in time").expect("a clean end");
}
