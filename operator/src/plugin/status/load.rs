//! How long work waits: what the pods measure, asked through the API server's proxy. A hint; whoever asks may lack the
//! right, and a pod that just started has measured nothing.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use http::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    platform::{
        Role,
        metadata::{selector, with_labels},
    },
    plugin::{Error, error::Asked, session::Session},
};

/// The second port of every role.
const PORT: u16 = 9000;
/// How long a pod may take to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// Pods that are asked side by side.
const CONCURRENCY: usize = 8;

/// What is measured: role, metric, how people call it. The largest value of all pods counts.
const MEASURED: [(Role, &str, &str); 3] = [
    (Role::Worker, "jobs_oldest_runnable_seconds", "oldest job"),
    (Role::Worker, "events_relay_lag_seconds", "unsent events"),
    (
        Role::Analytics,
        "analytics_replica_lag_seconds",
        "replica lag",
    ),
];

/// How long some work of a role waits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Load {
    /// The role.
    pub(super) role: &'static str,
    /// Which work.
    pub(super) what: &'static str,
    /// Seconds.
    pub(super) seconds: f64,
}

impl Load {
    /// `oldest job 0.2s`.
    pub(super) fn words(&self) -> String {
        format!("{} {:.1}s", self.what, self.seconds)
    }
}

/// What the pods say. Nothing of a role none of whose pods has measured anything.
pub(super) async fn of(session: &Session, name: &str) -> Result<Vec<Load>, Error> {
    let mut loads = Vec::new();
    for role in [Role::Worker, Role::Analytics] {
        let pages = pages(session, name, role).await?;
        let measured = MEASURED.iter().filter(|(of, _, _)| *of == role);
        loads.extend(measured.filter_map(|(_, metric, what)| {
            let values = pages.iter().flat_map(|page| values(page, metric));
            Some(Load {
                role: role.as_str(),
                what,
                seconds: values.reduce(f64::max)?,
            })
        }));
    }
    Ok(loads)
}

/// The metrics of each pod of a role that answers.
async fn pages(session: &Session, name: &str, role: Role) -> Result<Vec<String>, Error> {
    let namespace = &session.namespace;
    let pods: Api<Pod> = Api::namespaced(session.client.clone(), namespace);
    let ours = with_labels(&selector(name, Some(role)));
    let failed = |verb, resource, error| {
        let asked = Asked {
            verb,
            resource,
            namespace,
        };
        asked.failed(&error)
    };
    let list = pods.list(&ours).await;
    let list = list.map_err(|error| failed("list", "pods", error))?;
    let answers: Vec<_> = stream::iter(list.items.iter().map(ResourceExt::name_any))
        .map(|pod| page(&session.client, namespace, pod))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut pages = Vec::new();
    for answer in answers {
        match answer {
            // A missing right is worth a word; a pod that is just starting or ending is not.
            Some(Err(error @ kube::Error::Api(_))) if is_forbidden(&error) => {
                return Err(failed("get", "pods/proxy", error));
            }
            Some(Err(_)) | None => {}
            Some(Ok(page)) => pages.push(page),
        }
    }
    if pages.is_empty() && !list.items.is_empty() {
        return Err(Error::refused(format!(
            "no pod of role {} answers the API server on port {PORT}",
            role.as_str()
        )));
    }
    Ok(pages)
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

/// The metrics of one pod; `None` when it takes too long.
async fn page(client: &Client, namespace: &str, pod: String) -> Option<kube::Result<String>> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{PORT}/proxy/metrics");
    let request = Request::get(path).body(Vec::new()).ok()?;
    timeout(ANSWER, client.request_text(request)).await.ok()
}

/// The values of a metric on a page of Prometheus' text format, whatever their labels.
fn values(page: &str, metric: &str) -> Vec<f64> {
    page.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let value = match rest.strip_prefix('{') {
                Some(labels) => labels.rsplit_once("} ")?.1,
                None => rest.strip_prefix(' ')?,
            };
            let value: f64 = value.split(' ').next()?.parse().ok()?;
            value.is_finite().then_some(value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_with_and_without_labels() {
        let page = "# TYPE lag gauge\nlag 1.5\nlag{queue=\"a} b\"} 3 1800000000\nlag_more 9\nlag NaN\nlag{broken\n";
        assert_eq!(values(page, "lag"), [1.5, 3.0]);
        assert!(values(page, "other").is_empty());
    }
}
