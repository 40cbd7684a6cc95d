//! What the log tells of a request. Alone in its program: tracing remembers for all threads what the first one listens to.

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use axum_test::TestServer;
use common_clock::SeededIds;
use common_http::{Callers, HttpConfig, Reply, standard};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().expect("not poisoned");
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn act() -> Reply<()> {
    tracing::info!(actor = "ada", "an act");
    Reply::ok(())
}

#[tokio::test]
async fn a_line_leads_to_the_trace_and_what_was_done_to_the_line() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let router = Router::new().route("/acts/{id}", get(act));
    let config = HttpConfig::default();
    let ids = Arc::new(SeededIds::new(1));
    let app = standard(router, &config, ids, Callers::unknown());
    let answer = TestServer::new(app)
        .get("/acts/7")
        .add_header("x-request-id", "req-1")
        .add_header(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        .await;
    assert_eq!(answer.header("x-request-id"), "req-1");

    let text = String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    let read: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [act, request] = read.as_slice() else {
        unreachable!("{text}");
    };
    assert_eq!(act["message"], "an act");
    assert_eq!(act["spans"][0]["name"], "http.request");
    assert_eq!(act["spans"][0]["request.id"], "req-1");
    assert_eq!(act["spans"][0]["http.route"], "/acts/{id}");
    assert_eq!(request["message"], "request");
    assert_eq!(request["request.id"], "req-1");
    assert_eq!(request["trace.id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}
