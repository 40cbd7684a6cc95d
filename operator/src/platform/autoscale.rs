//! The autoscaler of a role, with the metric that the cluster can tell it.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;

use super::{
    Context, StepError,
    apply::kube::ensure,
    build, custom_metrics,
    validate::{RoleSpec, Scale, ValidatedPlatform},
};

/// Makes the autoscaler, or brings it to what is wanted. Does nothing for a role whose number of pods is fixed.
///
/// # Errors
/// What the API server says. That nobody tells which metrics there are is no error.
pub(super) async fn autoscale(
    cx: &Context,
    p: &ValidatedPlatform,
    spec: &RoleSpec,
) -> Result<(), StepError> {
    let measured = match spec.scale {
        Scale::Automatic(bounds) if bounds.target_oldest_job_seconds.is_some() => {
            is_measured(cx, p, spec).await?
        }
        _ => false,
    };
    match build::autoscaler(p, spec, measured) {
        Some(autoscaler) => ensure(cx, &autoscaler).await.map(drop),
        None => Ok(()),
    }
}

/// Whether the autoscaler is to follow the age of jobs. While nobody knows, it goes on with what it follows, and a new one
/// begins with CPU.
async fn is_measured(
    cx: &Context,
    p: &ValidatedPlatform,
    spec: &RoleSpec,
) -> Result<bool, StepError> {
    if let Some(serves) = custom_metrics::serves_job_wait(cx).await {
        return Ok(serves);
    }
    let name = build::object_name(p, spec.role);
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(cx.client.clone(), &p.namespace);
    let what = format!("HorizontalPodAutoscaler {}/{name}", p.namespace);
    let found = api.get_opt(&name).await;
    let found = found.map_err(|error| StepError::of_kube(&what, &error))?;
    Ok(found.as_ref().is_some_and(build::follows_jobs))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta};
    use common_clock::ManualClock;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        platform::validate::{Autoscaling, sample::sample},
        testing::Api as Server,
    };

    const PATH: &str =
        "/apis/autoscaling/v2/namespaces/crewdeck/horizontalpodautoscalers/demo-worker";
    const GROUP: &str = "/apis/custom.metrics.k8s.io";
    const LIST: &str = "/apis/custom.metrics.k8s.io/v1beta1";

    /// A worker that is autoscaled on a cluster, and a clock.
    struct World {
        server: Server,
        cx: Context,
        clock: Arc<ManualClock>,
        p: ValidatedPlatform,
    }

    impl World {
        fn new() -> Self {
            let server = Server::default();
            let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
            let mut cx = server.context();
            cx.clock = clock.clone();
            let mut p = sample();
            p.roles[1].scale = Scale::Automatic(bounds(1, 4));
            Self {
                server,
                cx,
                clock,
                p,
            }
        }

        /// An adapter of Prometheus is installed, and knows these metrics of pods.
        fn serve(&self, metrics: &[&str]) {
            let version =
                json!({"groupVersion": "custom.metrics.k8s.io/v1beta1", "version": "v1beta1"});
            self.server.insert(
                GROUP,
                json!({
                    "kind": "APIGroup", "apiVersion": "v1", "name": "custom.metrics.k8s.io",
                    "versions": [version], "preferredVersion": version,
                }),
            );
            let resources: Vec<Value> = metrics
                .iter()
                .map(|metric| {
                    json!({
                        "name": format!("pods/{metric}"), "singularName": "", "namespaced": true,
                        "kind": "MetricValueList", "verbs": ["get"],
                    })
                })
                .collect();
            self.server.insert(
                LIST,
                json!({
                    "kind": "APIResourceList", "apiVersion": "v1",
                    "groupVersion": "custom.metrics.k8s.io/v1beta1", "resources": resources,
                }),
            );
        }

        /// A pass, a minute after the one before. Gives the metrics of the autoscaler.
        async fn pass(&self) -> Value {
            self.clock.advance(TimeDelta::minutes(1));
            autoscale(&self.cx, &self.p, &self.p.roles[1])
                .await
                .expect("an autoscaler");
            self.server.object(PATH).expect("there")["spec"]["metrics"].clone()
        }
    }

    fn bounds(min_replicas: i32, max_replicas: i32) -> Autoscaling {
        Autoscaling {
            min_replicas,
            max_replicas,
            target_cpu_utilization_percentage: 80,
            target_oldest_job_seconds: Some(3_000),
        }
    }

    fn is_cpu(metrics: &Value) -> bool {
        metrics.as_array().is_some_and(|all| all.len() == 1)
            && metrics[0]["resource"]["name"] == "cpu"
    }

    fn is_wait(metrics: &Value) -> bool {
        metrics.as_array().is_some_and(|all| all.len() == 1)
            && metrics[0]["pods"]["metric"]["name"] == build::JOB_WAIT
    }

    #[tokio::test]
    async fn it_follows_jobs_while_their_age_is_served_and_cpu_else() {
        let world = World::new();
        assert!(is_cpu(&world.pass().await), "nothing is installed");
        world.serve(&["http_requests"]);
        assert!(is_cpu(&world.pass().await), "of other pods");
        world.serve(&["http_requests", build::JOB_WAIT]);
        assert!(is_wait(&world.pass().await));
        let writes = world.server.writes();
        // As the API server writes it.
        world.server.put(PATH, |object| {
            object["spec"]["metrics"][0]["pods"]["target"]["averageValue"] = "3k".into();
        });
        assert!(is_wait(&world.pass().await));
        assert_eq!(world.server.writes(), writes, "an idle pass wrote");
        world.server.undefine(GROUP);
        assert!(is_cpu(&world.pass().await), "uninstalled");
    }

    #[tokio::test]
    async fn it_stays_as_it_is_while_the_adapter_is_away() {
        let mut world = World::new();
        world.serve(&[build::JOB_WAIT]);
        assert!(is_wait(&world.pass().await));
        world.server.break_down(LIST);
        world.p.roles[1].scale = Scale::Automatic(bounds(2, 9));
        assert!(is_wait(&world.pass().await));
        let found = world.server.object(PATH).expect("there");
        assert_eq!(found["spec"]["maxReplicas"], 9, "what was changed is done");
    }

    #[tokio::test]
    async fn a_new_one_begins_with_cpu_while_the_adapter_is_away() {
        let world = World::new();
        world.serve(&[build::JOB_WAIT]);
        world.server.break_down(LIST);
        assert!(is_cpu(&world.pass().await));
        world.server.repair();
        assert!(is_wait(&world.pass().await));
    }

    #[tokio::test]
    async fn a_role_without_jobs_asks_nobody() {
        let mut world = World::new();
        world.p.roles[0].scale = Scale::Automatic(Autoscaling {
            target_oldest_job_seconds: None,
            ..bounds(1, 4)
        });
        world.server.break_down(GROUP);
        autoscale(&world.cx, &world.p, &world.p.roles[0])
            .await
            .expect("an autoscaler");
        let path = PATH.replace("worker", "web");
        let found = world.server.object(&path).expect("there");
        assert!(is_cpu(&found["spec"]["metrics"]), "{found}");
        world.server.repair();
        // Had it asked before, that there was no answer would still count.
        let serves = custom_metrics::serves_job_wait(&world.cx).await;
        assert_eq!(serves, Some(false));
    }
}
