//! An API server in memory, for tests: objects by path, compare-and-swap by `resourceVersion`.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use common_clock::{SystemClock, SystemIds};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use crate::{
    OperatorConfig,
    platform::{Context, Kinds},
    server_clock::ServerClock,
};

/// What it holds and what was asked of it.
#[derive(Clone, Default)]
pub(crate) struct Api(Arc<Mutex<State>>);

type Change = Box<dyn FnOnce(&mut BTreeMap<String, Value>) + Send>;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    writes: usize,
    /// Runs before the next write, as another writer would.
    before: Option<Change>,
}

impl Api {
    /// A context whose client talks to this.
    pub(crate) fn context(&self) -> Context {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Context {
            server_clock: ServerClock::default(),
            client: kube::Client::new(service, "default"),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            kinds: Kinds::default(),
            config: Arc::new(OperatorConfig::default()),
        }
    }

    /// Writes so far.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    /// The object at a path.
    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    /// Has somebody else write before our next write.
    pub(crate) fn meanwhile(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Value>) + Send + 'static,
    ) {
        self.0.lock().unwrap().before = Some(Box::new(change));
    }

    /// Has somebody else make an object.
    pub(crate) fn insert(&self, path: &str, object: Value) {
        let mut state = self.0.lock().unwrap();
        state.objects.insert(path.to_owned(), object);
    }

    /// Has somebody else change an object now.
    pub(crate) fn put(&self, path: &str, change: impl FnOnce(&mut Value)) {
        change(self.0.lock().unwrap().objects.get_mut(path).unwrap());
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut state = self.0.lock().unwrap();
        let mut path = parts.uri.path().to_owned();
        if parts.method == Method::GET {
            return match state.objects.get(&path) {
                Some(object) => reply(StatusCode::OK, object),
                None => refusal(StatusCode::NOT_FOUND, "NotFound"),
            };
        }
        if let Some(change) = state.before.take() {
            change(&mut state.objects);
        }
        if parts.method == Method::DELETE {
            state.writes += 1;
            return match state.objects.remove(&path) {
                Some(object) => reply(StatusCode::OK, &object),
                None => refusal(StatusCode::NOT_FOUND, "NotFound"),
            };
        }
        let mut object: Value = serde_json::from_slice(&body).unwrap();
        if parts.method == Method::PATCH {
            let mut found = state.objects.get(&path).cloned().unwrap_or_default();
            merge(&mut found, object);
            object = found;
            object["metadata"]["resourceVersion"] =
                state.objects.get(&path).map_or(Value::Null, |found| {
                    found["metadata"]["resourceVersion"].clone()
                });
            state.objects.entry(path.clone()).or_insert(Value::Null);
        }
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        if parts.method == Method::POST {
            path = format!("{path}/{name}");
        }
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        match (parts.method == Method::POST, state.objects.get(&path)) {
            (true, Some(_)) => return refusal(StatusCode::CONFLICT, "AlreadyExists"),
            (false, None) => return refusal(StatusCode::NOT_FOUND, "NotFound"),
            (false, Some(found)) if version(found) != version(&object) => {
                return refusal(StatusCode::CONFLICT, "Conflict");
            }
            _ => {}
        }
        state.version += 1;
        state.writes += 1;
        object["metadata"]["resourceVersion"] = Value::String(state.version.to_string());
        state.objects.insert(path, object.clone());
        reply(StatusCode::OK, &object)
    }
}

/// What a server-side apply or a merge patch comes to, as far as these tests need it.
fn merge(found: &mut Value, patch: Value) {
    match (found, patch) {
        (Value::Object(found), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(found.entry(key).or_insert(Value::Null), value);
            }
        }
        (found, patch) => *found = patch,
    }
}

fn reply(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::from(body.to_string().into_bytes()))
        .unwrap()
}

fn refusal(status: StatusCode, reason: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": status.as_u16(),
    });
    reply(status, &body)
}
