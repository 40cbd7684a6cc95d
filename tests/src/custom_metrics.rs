//! The custom metrics API of Kubernetes, answered by the test itself in the place of an adapter of Prometheus. The API
//! server asks it over TLS and passes on what the controller of autoscalers and the operator ask.

use crate::{cluster::Cluster, leftovers::LABEL, wait::wait_for};
use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use common_clock::{Clock as _, SystemClock};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use k8s_openapi::{
    api::{
        core::v1::{Pod, Service},
        discovery::v1::EndpointSlice,
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    fmt::Debug,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

const GROUP: &str = "custom.metrics.k8s.io";
/// As the chart of Prometheus' adapter registers it.
const VERSION: &str = "v1beta1";
/// What the API server calls it.
const API_SERVICE: &str = "v1beta1.custom.metrics.k8s.io";
/// Name of the objects that lead to it.
const NAME: &str = "custom-metrics";
/// Nobody else in the network of the cluster's first node listens here.
const PORT: u16 = 9443;

/// What it knows: one metric, of which it says the same of every pod.
struct Known {
    kube: Client,
    metric: &'static str,
    value: AtomicU32,
}

/// An adapter that is installed as long as this is there.
pub struct Adapter {
    cluster: Cluster,
    known: Arc<Known>,
    _server: JoinSet<()>,
}

impl Adapter {
    /// Installs it. The objects that lead to it are in this namespace, which outlives it.
    ///
    /// # Errors
    /// When it cannot listen, or the API server does not find it.
    pub async fn install(cluster: &Cluster, namespace: &str, metric: &'static str) -> Result<Self> {
        // What is beside the cluster has the address of its first node, and so have we.
        let host = cluster.status.backends.postgres.host.as_str();
        let listener = TcpListener::bind((host, PORT)).await;
        let listener = listener.with_context(|| format!("listen on {host}:{PORT}"))?;
        let acceptor = TlsAcceptor::from(Arc::new(own_certificate()?));
        let known = Arc::new(Known {
            kube: cluster.kube.clone(),
            metric,
            value: AtomicU32::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, acceptor, known.clone()));
        // From here on it is taken away again, whatever happens.
        let adapter = Self {
            cluster: cluster.clone(),
            known,
            _server: server,
        };
        adapter.register(namespace, host).await?;
        Ok(adapter)
    }

    /// What it says of every pod from now on.
    pub fn say(&self, value: u32) {
        self.known.value.store(value, Ordering::Relaxed);
    }

    async fn register(&self, namespace: &str, host: &str) -> Result<()> {
        let kube = &self.cluster.kube;
        let service =
            json!({"spec": {"ports": [{"name": "https", "port": 443, "targetPort": PORT}]}});
        apply(
            &Api::<Service>::namespaced(kube.clone(), namespace),
            NAME,
            service,
        )
        .await?;
        let slice = json!({
            "metadata": {"labels": {"kubernetes.io/service-name": NAME}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host]}],
            "ports": [{"name": "https", "port": PORT}],
        });
        apply(
            &Api::<EndpointSlice>::namespaced(kube.clone(), namespace),
            NAME,
            slice,
        )
        .await?;
        let registration = json!({
            "metadata": {"labels": {(LABEL): NAME}},
            "spec": {
                "group": GROUP, "version": VERSION, "groupPriorityMinimum": 100, "versionPriority": 100,
                "service": {"namespace": namespace, "name": NAME, "port": 443},
                "insecureSkipTLSVerify": true,
            },
        });
        let api: Api<APIService> = Api::all(kube.clone());
        apply(&api, API_SERVICE, registration).await?;
        wait_for(
            "the adapter is found",
            Duration::from_secs(30),
            async || {
                let status = api.get(API_SERVICE).await?.status.unwrap_or_default();
                let conditions = status.conditions.unwrap_or_default();
                let found = conditions
                    .iter()
                    .any(|told| told.type_ == "Available" && told.status == "True");
                ensure!(found, "{conditions:?}");
                Ok(())
            },
        )
        .await
    }
}

impl Drop for Adapter {
    /// Left behind, it would keep every namespace from being deleted: Kubernetes looks for what is in one at all of its APIs.
    fn drop(&mut self) {
        let deleted =
            self.cluster
                .kubectl(&["delete", "apiservice", API_SERVICE, "--ignore-not-found"]);
        if let Err(error) = deleted {
            eprintln!("{API_SERVICE} is left: {error:#}");
        }
    }
}

/// Writes an object as it should be, whatever an earlier run left.
async fn apply<K>(api: &Api<K>, name: &str, mut object: Value) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    object["apiVersion"] = json!(K::api_version(&()));
    object["kind"] = json!(K::kind(&()));
    object["metadata"]["name"] = json!(name);
    let parameters = PatchParams::apply("crewdeck-tests").force();
    api.patch(name, &parameters, &Patch::Apply(&object))
        .await
        .with_context(|| format!("write {} {name}", K::kind(&())))?;
    Ok(())
}

/// A certificate that nobody knows, as adapters make themselves one.
fn own_certificate() -> Result<ServerConfig> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-nodes", "-days", "1"])
        .args(["-subj", "/CN=custom-metrics", "-keyout", "-", "-out", "-"])
        .output()
        .context("run openssl")?;
    ensure!(made.status.success(), "openssl: {made:?}");
    let certificate = CertificateDer::from_pem_slice(&made.stdout)?;
    let key = PrivateKeyDer::from_pem_slice(&made.stdout)?;
    Ok(ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?)
}

/// Accepts until it is ended, and all connections with it.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, known: Arc<Known>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, acceptor.clone(), known.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection of the API server. That it is broken off is no matter: the API server comes again.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, known: Arc<Known>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let known = known.clone();
        async move {
            let (status, body) = known.answer(&request).await;
            let body = Full::new(Bytes::from(body.to_string()));
            let response = Response::builder()
                .status(status)
                .header(header::CONTENT_TYPE, "application/json");
            Ok::<_, Infallible>(response.body(body).expect("the parts are valid"))
        }
    });
    let _ = Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Known {
    async fn answer(&self, request: &Request<Incoming>) -> (StatusCode, Value) {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        match path.as_slice() {
            ["apis", GROUP, VERSION] => (StatusCode::OK, self.list()),
            // Of all pods, `*`, that a selector chooses.
            [
                "apis",
                GROUP,
                VERSION,
                "namespaces",
                namespace,
                "pods",
                _,
                metric,
            ] if *metric == self.metric => {
                match self.values(namespace, request.uri().query()).await {
                    Ok(values) => (StatusCode::OK, values),
                    Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
                }
            }
            _ => failure(StatusCode::NOT_FOUND, "NotFound"),
        }
    }

    fn list(&self) -> Value {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/{VERSION}"),
            "resources": [{
                "name": format!("pods/{}", self.metric), "singularName": "", "namespaced": true,
                "kind": "MetricValueList", "verbs": ["get"],
            }],
        })
    }

    async fn values(&self, namespace: &str, query: Option<&str>) -> Result<Value> {
        let query = reqwest::Url::parse(&format!("http://-/?{}", query.unwrap_or_default()))?;
        let selector = query.query_pairs().find(|(key, _)| key == "labelSelector");
        let (_, selector) = selector.context("whoever asks of pods chooses them by labels")?;
        let pods: Api<Pod> = Api::namespaced(self.kube.clone(), namespace);
        let pods = pods.list(&ListParams::default().labels(&selector)).await?;
        let items: Vec<Value> = pods.iter().map(|pod| self.value(pod)).collect();
        Ok(json!({
            "kind": "MetricValueList", "apiVersion": format!("{GROUP}/{VERSION}"),
            "metadata": {}, "items": items,
        }))
    }

    fn value(&self, pod: &Pod) -> Value {
        json!({
            "describedObject": {
                "kind": "Pod", "apiVersion": "/v1", "namespace": pod.namespace(), "name": pod.name_any(),
            },
            "metricName": self.metric,
            "timestamp": SystemClock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "value": self.value.load(Ordering::Relaxed).to_string(),
            "selector": null,
        })
    }
}

fn failure(status: StatusCode, reason: &str) -> (StatusCode, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": status.as_u16(),
    });
    (status, body)
}
