//! An API server in memory, for tests: objects by path, compare-and-swap by `resourceVersion`.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use common_clock::{SystemClock, SystemIds};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tower::Layer as _;

use crate::{
    OperatorConfig,
    acts::ActsLayer,
    keys::Maker,
    platform::{Administrators, Context, CustomMetrics, Kinds},
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
    asked: usize,
    reads: usize,
    /// Runs before the next write, as another writer would.
    before: Option<Change>,
    /// Paths that begin with one of these are forbidden.
    forbidden: Vec<String>,
    /// Paths that begin with one of these are not served at all.
    undefined: Vec<String>,
    /// Paths that begin with one of these are served by somebody else, who is away.
    broken: Vec<String>,
}

impl Api {
    /// A client that talks to this.
    pub(crate) fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        kube::Client::new(ActsLayer.layer(service), "default")
    }

    /// A context whose client talks to this.
    pub(crate) fn context(&self) -> Context {
        Context {
            server_clock: ServerClock::default(),
            client: self.client(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            kinds: Kinds::default(),
            custom_metrics: CustomMetrics::default(),
            administrators: Administrators::default(),
            proofs: Arc::default(),
            watched: Arc::default(),
            maker: Maker::default(),
            gauges: Arc::default(),
            config: Arc::new(OperatorConfig::default()),
        }
    }

    /// Writes so far.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    /// Writes that were asked for, also those that were refused.
    pub(crate) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    /// Reads so far, also those that were refused.
    pub(crate) fn reads(&self) -> usize {
        self.0.lock().unwrap().reads
    }

    /// Every path at which there is an object, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
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

    /// Has somebody else take an object away.
    pub(crate) fn remove(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path);
    }

    /// Has somebody else change an object now.
    pub(crate) fn put(&self, path: &str, change: impl FnOnce(&mut Value)) {
        change(self.0.lock().unwrap().objects.get_mut(path).unwrap());
    }

    /// Has whoever asks lack the rights for whatever begins with this path.
    pub(crate) fn forbid(&self, path: &str) {
        self.0.lock().unwrap().forbidden.push(path.to_owned());
    }

    /// Has the server know nothing of whatever begins with this path, as of a resource that is not defined.
    pub(crate) fn undefine(&self, path: &str) {
        self.0.lock().unwrap().undefined.push(path.to_owned());
    }

    /// Has whoever serves what begins with this path be away, as an adapter that is registered and does not run.
    pub(crate) fn break_down(&self, path: &str) {
        self.0.lock().unwrap().broken.push(path.to_owned());
    }

    /// Has them be back.
    pub(crate) fn repair(&self) {
        self.0.lock().unwrap().broken.clear();
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut state = self.0.lock().unwrap();
        // A status is a part of its object.
        let path = parts.uri.path();
        let mut path = path.strip_suffix("/status").unwrap_or(path).to_owned();
        let among = |paths: &[String]| paths.iter().any(|start| path.starts_with(start));
        state.reads += usize::from(parts.method == Method::GET);
        if among(&state.undefined) {
            return text(StatusCode::NOT_FOUND, "404 page not found");
        }
        if among(&state.broken) {
            return text(StatusCode::SERVICE_UNAVAILABLE, "service unavailable");
        }
        if among(&state.forbidden) {
            return refusal(StatusCode::FORBIDDEN, "Forbidden");
        }
        if parts.method == Method::GET {
            let accept = parts.headers.get(header::ACCEPT);
            let accept = accept.and_then(|value| value.to_str().ok());
            let metadata_alone = accept.is_some_and(|value| value.contains("PartialObject"));
            return match state.objects.get(&path) {
                Some(Value::String(log)) => text(StatusCode::OK, log),
                Some(object) if metadata_alone => reply(StatusCode::OK, &metadata_of(object)),
                Some(object) => reply(StatusCode::OK, object),
                None if is_collection(&path) => {
                    let query = parts.uri.query().unwrap_or_default();
                    reply(StatusCode::OK, &list(&state.objects, &path, query))
                }
                None => refusal(StatusCode::NOT_FOUND, "NotFound"),
            };
        }
        state.asked += 1;
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
            let there = found["metadata"]["resourceVersion"].clone();
            let over = match &object["metadata"]["resourceVersion"] {
                Value::Null => there,
                version => version.clone(),
            };
            merge(&mut found, object);
            object = found;
            object["metadata"]["resourceVersion"] = over;
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

/// Whether a path names all objects of one kind, of a namespace or of the cluster.
fn is_collection(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = parts.as_slice() else {
        return false;
    };
    matches!(rest, [_] | ["namespaces", _, _])
}

/// The objects of a collection that the selectors of the query choose.
fn list(objects: &BTreeMap<String, Value>, path: &str, query: &str) -> Value {
    let wanted = |name: &str| -> Vec<(String, String)> {
        let value = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        let value = value
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        let pairs = value.split(',').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    let (labels, fields) = (wanted("labelSelector"), wanted("fieldSelector"));
    let (root, kind) = path.rsplit_once('/').unwrap_or_default();
    let chosen = |(at, object): &(&String, &Value)| {
        let inside = match at.rsplit_once('/') {
            Some((folder, _)) if folder == path => true,
            // Of every namespace.
            Some((folder, _)) => {
                !root.contains("/namespaces/")
                    && folder.starts_with(&format!("{root}/namespaces/"))
                    && folder.ends_with(&format!("/{kind}"))
            }
            None => false,
        };
        let has = |(key, value): &(String, String)| object["metadata"]["labels"][key] == **value;
        let is = |(key, value): &(String, String)| {
            object.pointer(&format!("/{}", key.replace('.', "/"))) == Some(&json!(value))
        };
        inside && labels.iter().all(has) && fields.iter().all(is)
    };
    let items: Vec<&Value> = objects
        .iter()
        .filter(chosen)
        .map(|(_, object)| object)
        .collect();
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

/// What is told when metadata alone is asked for.
fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    })
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

fn text(status: StatusCode, body: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::from(body.as_bytes().to_vec()))
        .unwrap()
}

fn refusal(status: StatusCode, reason: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": status.as_u16(),
    });
    reply(status, &body)
}
