//! The acts on the API server: every request that is no read, seen below `kube::Client`, so that none is forgotten.

use std::task::{Context, Poll};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Collected};
use kube::client::Body;
use serde::Deserialize;
use tower::{Layer, Service};

use super::{Act, System, is_witnessed, perform};
use crate::metrics;

/// Makes acts of requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActsLayer;

impl<S> Layer<S> for ActsLayer {
    type Service = Acts<S>;

    fn layer(&self, inner: S) -> Acts<S> {
        Acts(inner)
    }
}

/// A service of which every request that changes something is an act.
#[derive(Debug, Clone)]
pub(crate) struct Acts<S>(S);

impl<S, B> Service<Request<Body>> for Acts<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let verb = verb(request.method());
        metrics::request(verb.unwrap_or("reading"));
        let Some(verb) = verb else {
            return self.0.call(request).boxed();
        };
        let (parts, body) = request.into_parts();
        let object = object(&parts);
        // The path of what is created ends with its kind. A copy of the body is a reference to the same bytes.
        let sent = (parts.method == Method::POST)
            .then(|| body.try_clone())
            .flatten();
        // Nothing is sent before this is polled.
        let answer = self.0.call(Request::from_parts(parts, body));
        async move {
            let object = match sent {
                Some(sent) if is_witnessed() => named(object, sent).await,
                _ => object,
            };
            let act = Act::new(System::Kubernetes, verb, object);
            perform(&act, answer, |answer| {
                answer
                    .as_ref()
                    .is_ok_and(|answer| answer.status().is_success())
            })
            .await
        }
        .boxed()
    }
}

/// The word for a method that changes something.
fn verb(method: &Method) -> Option<&'static str> {
    match *method {
        Method::POST => Some("creating"),
        Method::PUT => Some("replacing"),
        Method::PATCH => Some("patching"),
        Method::DELETE => Some("deleting"),
        _ => None,
    }
}

/// Kind, name and part of the object in a path: `secrets/demo-admin`, `platforms/demo/status`.
fn object(parts: &Parts) -> String {
    let path = parts.uri.path().trim_start_matches('/');
    let path: Vec<&str> = path.split('/').collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..] | rest) = path.as_slice();
    let (["namespaces", _, rest @ ..] | rest) = match rest {
        // A namespace itself.
        ["namespaces", _] => return rest.join("/"),
        rest => rest,
    };
    rest.join("/")
}

/// The same with the name that the object itself tells.
async fn named(kind: String, sent: Body) -> String {
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        name: Option<String>,
    }
    let bytes = sent.collect().await.map(Collected::to_bytes);
    let object = bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Object>(&bytes).ok());
    match object.and_then(|object| object.metadata.name) {
        Some(name) => format!("{kind}/{name}"),
        None => kind,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{
        Api,
        api::{DeleteParams, Patch, PatchParams, PostParams},
    };
    use serde_json::json;

    use super::*;
    use crate::{
        acts::{clerk::Clerk, witnessed},
        testing::Api as Server,
    };

    #[tokio::test]
    async fn every_request_that_changes_something_is_seen_with_what_it_is_about() {
        let server = Server::default();
        let maps: Api<ConfigMap> = Api::namespaced(server.client(), "crewdeck");
        let map: ConfigMap =
            serde_json::from_value(json!({"metadata": {"name": "demo"}})).expect("a map");
        let clerk = Arc::new(Clerk::default());
        let work = async {
            let parameters = PostParams::default();
            maps.create(&parameters, &map).await.expect("made");
            maps.create(&parameters, &map).await.expect_err("there");
            let found = maps.get("demo").await.expect("there");
            maps.replace("demo", &parameters, &found)
                .await
                .expect("replaced");
            let patch = Patch::Merge(json!({"data": {"a": "b"}, "metadata": {"name": "demo"}}));
            maps.patch("demo", &PatchParams::default(), &patch)
                .await
                .expect("patched");
            maps.delete("demo", &DeleteParams::default())
                .await
                .expect("deleted");
        };
        witnessed(clerk.clone(), work).await;
        let expected = [
            ("creating configmaps/demo", true),
            ("creating configmaps/demo", false),
            ("replacing configmaps/demo", true),
            ("patching configmaps/demo", true),
            ("deleting configmaps/demo", true),
        ];
        let expected = expected.map(|(act, done)| (format!("kubernetes {act}"), done));
        assert_eq!(clerk.seen(), expected);
    }

    #[test]
    fn a_path_names_kind_name_and_part() {
        for (path, expected) in [
            ("/api/v1/namespaces/a/secrets/b", "secrets/b"),
            ("/apis/apps/v1/namespaces/a/deployments", "deployments"),
            (
                "/apis/crewdeck.io/v1beta1/namespaces/a/platforms/b/status",
                "platforms/b/status",
            ),
            ("/api/v1/namespaces/a", "namespaces/a"),
        ] {
            let (parts, ()) = Request::builder()
                .uri(path)
                .body(())
                .expect("a request")
                .into_parts();
            assert_eq!(object(&parts), expected);
        }
    }
}
