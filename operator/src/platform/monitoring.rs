//! What Prometheus is told, where there is one: made where its kinds are known, taken away when it is not wanted.

use super::{
    Context, Object, StepError,
    apply::kube::{keep, remove},
    build, kinds,
    validate::ValidatedPlatform,
};

/// Makes or removes both objects.
///
/// # Errors
/// What the API server says.
pub(super) async fn monitor(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    settle(cx, p, build::pod_monitor).await?;
    settle(cx, p, build::prometheus_rule).await
}

async fn settle<K>(
    cx: &Context,
    p: &ValidatedPlatform,
    wanted: fn(&ValidatedPlatform) -> K,
) -> Result<(), StepError>
where
    K: Object,
{
    if !kinds::has::<K>(cx).await? {
        return Ok(());
    }
    if p.monitoring.enabled {
        keep(cx, &wanted(p)).await
    } else {
        remove::<K>(cx, p, &p.name).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{platform::validate::sample::sample, testing::Api as Server};

    const RULE: &str = "/apis/monitoring.coreos.com/v1/namespaces/crewdeck/prometheusrules/demo";

    #[tokio::test]
    async fn without_the_kinds_nothing_is_made() {
        let server = Server::default();
        monitor(&server.context(), &sample())
            .await
            .expect("nothing");
        assert_eq!(server.writes(), 0);
    }

    #[tokio::test]
    async fn both_are_made_once_and_taken_away_once() {
        let server = Server::default();
        let kind = |plural: &str| json!({"name": plural, "singularName": "", "namespaced": true, "kind": "", "verbs": ["patch"]});
        server.insert(
            "/apis/monitoring.coreos.com/v1",
            json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "monitoring.coreos.com/v1",
                "resources": [kind("podmonitors"), kind("prometheusrules")],
            }),
        );
        let (cx, mut p) = (server.context(), sample());
        for _ in 0..2 {
            monitor(&cx, &p).await.expect("made");
        }
        assert!(server.object(RULE).is_some());
        assert_eq!(server.writes(), 2);
        p.monitoring.enabled = false;
        for _ in 0..2 {
            monitor(&cx, &p).await.expect("taken away");
        }
        assert_eq!((server.object(RULE), server.writes()), (None, 4));
    }
}
