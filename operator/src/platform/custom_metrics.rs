//! Whether autoscalers can ask how long jobs wait. An adapter, such as that of Prometheus, answers
//! `custom.metrics.k8s.io` in the API server's place; it may be missing, away, or know other metrics alone. Asked at most
//! once a minute, however many Platforms there are.

use std::{convert::Infallible, sync::Arc};

use http::Request;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::Client;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    Context,
    answer::{Answer, WAIT},
    build::JOB_WAIT,
};

const GROUP: &str = "custom.metrics.k8s.io";
/// What the controller of autoscalers can ask.
const VERSIONS: [&str; 2] = ["v1beta1", "v1beta2"];

/// What was said last, also that there was no answer. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct CustomMetrics(Arc<Answer<Option<bool>>>);

/// The list of resources, as little of it as is needed: that of an adapter has thousands.
#[derive(Deserialize)]
struct Listed {
    resources: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Whether autoscalers can ask the pods for [`JOB_WAIT`]; `None` while nobody says so.
pub(super) async fn serves_job_wait(cx: &Context) -> Option<bool> {
    let asked = async { Ok::<_, Infallible>(serves(&cx.client).await) };
    let Ok(serves) = cx.custom_metrics.0.get(&cx.clock, asked).await;
    serves
}

async fn serves(client: &Client) -> Option<bool> {
    match timeout(WAIT, ask(client)).await {
        Ok(Ok(serves)) => Some(serves),
        Ok(Err(error)) => {
            tracing::warn!(%error, "{GROUP} does not answer; autoscalers keep their metric");
            None
        }
        Err(_) => {
            let seconds = WAIT.as_secs();
            tracing::warn!(
                seconds,
                "{GROUP} does not answer in time; autoscalers keep their metric"
            );
            None
        }
    }
}

async fn ask(client: &Client) -> kube::Result<bool> {
    let Some(group) = get::<APIGroup>(client, GROUP).await? else {
        return Ok(false);
    };
    let Some(version) = version(&group) else {
        return Ok(false);
    };
    let list: Option<Listed> = get(client, &format!("{GROUP}/{version}")).await?;
    Ok(list.is_some_and(|list| {
        let wanted = |named: &Named| named.name.strip_prefix("pods/") == Some(JOB_WAIT);
        list.resources.iter().any(wanted)
    }))
}

/// The version that the controller of autoscalers asks: the preferred one if it knows it, else the first that it knows.
fn version(group: &APIGroup) -> Option<&str> {
    let versions = group.preferred_version.iter().chain(&group.versions);
    versions
        .map(|found| found.version.as_str())
        .find(|version| VERSIONS.contains(version))
}

/// A page of discovery, which every account may read; `None` when there is no such page.
async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> kube::Result<Option<T>> {
    let request = Request::get(format!("/apis/{path}"))
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    match client.request(request).await {
        Ok(page) => Ok(Some(page)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use common_clock::ManualClock;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::{platform::answer::FRESH, testing::Api as Server};

    fn group(versions: &[&str]) -> Value {
        let versions: Vec<Value> = versions
            .iter()
            .map(
                |version| json!({"groupVersion": format!("{GROUP}/{version}"), "version": version}),
            )
            .collect();
        json!({
            "kind": "APIGroup", "apiVersion": "v1", "name": GROUP,
            "versions": versions, "preferredVersion": versions[0],
        })
    }

    fn list(resource: &str) -> Value {
        let resource = json!({
            "name": resource, "singularName": "", "namespaced": true, "kind": "MetricValueList", "verbs": ["get"],
        });
        json!({"kind": "APIResourceList", "apiVersion": "v1", "resources": [resource]})
    }

    /// What is served under `at` counts if it is what the controller of autoscalers would ask.
    #[rstest]
    #[case::adapter_of_prometheus(&["v1beta1"], "v1beta1", true)]
    #[case::preferred(&["v1beta2", "v1beta1"], "v1beta2", true)]
    #[case::not_the_preferred(&["v1beta2", "v1beta1"], "v1beta1", false)]
    #[case::unknown_is_passed_over(&["v2", "v1beta2"], "v1beta2", true)]
    #[case::unknown_alone(&["v2"], "v2", false)]
    #[tokio::test]
    async fn the_version_is_the_one_that_is_asked(
        #[case] versions: &[&str],
        #[case] at: &str,
        #[case] serves: bool,
    ) {
        let server = Server::default();
        server.insert(&format!("/apis/{GROUP}"), group(versions));
        let metric = list("pods/jobs_longest_wait_seconds");
        server.insert(&format!("/apis/{GROUP}/{at}"), metric);
        assert_eq!(serves_job_wait(&server.context()).await, Some(serves));
    }

    #[rstest]
    #[case::of_pods("pods/jobs_longest_wait_seconds", true)]
    #[case::of_namespaces("namespaces/jobs_longest_wait_seconds", false)]
    #[case::another("pods/jobs_longest_wait_seconds_count", false)]
    #[tokio::test]
    async fn the_metric_is_that_of_pods(#[case] resource: &str, #[case] serves: bool) {
        let server = Server::default();
        server.insert(&format!("/apis/{GROUP}"), group(&["v1beta2"]));
        server.insert(&format!("/apis/{GROUP}/v1beta2"), list(resource));
        assert_eq!(serves_job_wait(&server.context()).await, Some(serves));
    }

    #[tokio::test]
    async fn an_answer_counts_for_a_minute_and_so_does_none() {
        let server = Server::default();
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let mut cx = server.context();
        cx.clock = clock.clone();
        server.break_down("/apis");
        assert_eq!(serves_job_wait(&cx).await, None);
        server.repair();
        assert_eq!(serves_job_wait(&cx).await, None, "asked again at once");
        clock.advance(FRESH);
        assert_eq!(serves_job_wait(&cx).await, Some(false), "not installed");
        server.insert(&format!("/apis/{GROUP}"), group(&["v1beta1"]));
        let metric = list("pods/jobs_longest_wait_seconds");
        server.insert(&format!("/apis/{GROUP}/v1beta1"), metric);
        assert_eq!(serves_job_wait(&cx).await, Some(false));
        clock.advance(FRESH);
        assert_eq!(serves_job_wait(&cx).await, Some(true));
    }

    #[tokio::test]
    async fn a_page_that_may_not_be_read_says_nothing() {
        let server = Server::default();
        server.forbid(&format!("/apis/{GROUP}"));
        assert_eq!(serves_job_wait(&server.context()).await, None);
    }
}
