//! What is news of a Secret, and what a watch does that may not be.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use common_clock::SystemIds;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

fn secret(version: &str) -> PartialObjectMeta<Secret> {
    let metadata = json!({"name": "demo-postgres", "resourceVersion": version});
    serde_json::from_value(json!({"metadata": metadata})).expect("metadata")
}

#[test]
fn a_secret_is_news_when_it_changed_and_when_it_came_or_went() {
    let mut seen = Seen::default();
    let mut news = |event| seen.is_news(event);
    for event in [Event::Init, Event::InitApply(secret("1"))] {
        assert!(!news(event), "the list is not complete");
    }
    assert!(news(Event::InitDone), "the first look");
    assert!(news(Event::Apply(secret("2"))));
    assert!(!news(Event::Apply(secret("2"))));
    // The watch was interrupted, and nothing happened meanwhile.
    for event in [Event::Init, Event::InitApply(secret("2")), Event::InitDone] {
        assert!(!news(event));
    }
    assert!(news(Event::Delete(secret("3"))));
    assert!(!news(Event::Init));
    assert!(!news(Event::InitDone), "it is still gone");
    assert!(!news(Event::Init));
    assert!(!news(Event::InitApply(secret("4"))));
    assert!(news(Event::InitDone), "it came while nobody watched");
}

/// An API server that answers a list with what `list` gives and keeps every watch open; counts the requests.
fn server(list: fn() -> (StatusCode, Value)) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        count.fetch_add(1, Ordering::Relaxed);
        let query = request.uri().query().unwrap_or_default().to_owned();
        assert!(
            query.contains("fieldSelector=metadata.name%3Ddemo-postgres"),
            "{query}"
        );
        let accepted = request.headers()[http::header::ACCEPT]
            .to_str()
            .expect("text");
        assert!(accepted.contains("as=PartialObjectMetadata"), "{accepted}");
        async move {
            if query.contains("watch=true") {
                std::future::pending::<()>().await;
            }
            let (status, body) = list();
            let body = Body::from(body.to_string().into_bytes());
            let answer = Response::builder()
                .status(status)
                .body(body)
                .expect("an answer");
            Ok::<_, Infallible>(answer)
        }
    });
    (Client::new(service, "default"), asked)
}

fn demo() -> SecretName {
    SecretName {
        namespace: "crewdeck".to_owned(),
        name: "demo-postgres".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_forbidden_tells_nothing_and_asks_ever_less_often() {
    let (client, asked) = server(|| {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "secrets is forbidden", "reason": "Forbidden", "code": 403,
        });
        (StatusCode::FORBIDDEN, status)
    });
    let mut changes = Box::pin(changes(client, demo(), Arc::new(SystemIds)));
    let told = tokio::time::timeout(Duration::from_hours(1), changes.next()).await;
    assert!(told.is_err(), "it told of {told:?}");
    let asked = asked.load(Ordering::Relaxed);
    // Nine times until the pause is at its longest, and then each two minutes, less a fifth.
    assert!((30..50).contains(&asked), "{asked} requests within an hour");
}

#[tokio::test(start_paused = true)]
async fn a_watch_begins_with_what_is_there_and_then_waits() {
    let (client, asked) = server(|| {
        let secret = json!({"metadata": {"name": "demo-postgres", "resourceVersion": "7"}});
        let list = json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": "7"}, "items": [secret],
        });
        (StatusCode::OK, list)
    });
    let mut changes = Box::pin(changes(client, demo(), Arc::new(SystemIds)));
    assert_eq!(changes.next().await, Some(demo()));
    let next = tokio::time::timeout(Duration::from_mins(1), changes.next()).await;
    assert!(next.is_err(), "it told of {next:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 2, "a list and a watch");
}
