//! Which kinds of others the cluster has. Asked of the API server once a minute for each version of a group, and when one of
//! their objects has gone, however many Platforms there are: a definition that is installed later is found without a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use crds::Reason;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;
use kube::{Client, Resource};
use tokio::time::timeout;

use super::{
    Context, StepError,
    answer::{Answer, WAIT},
};

/// The plurals of the kinds of one version of a group.
type Plurals = Arc<BTreeSet<String>>;

/// What the API server said last, by group and version. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Kinds(Arc<Mutex<BTreeMap<String, Arc<Answer<Plurals>>>>>);

/// Whether the cluster has kind `K`.
///
/// # Errors
/// When the API server does not answer.
pub(crate) async fn has<K: Resource<DynamicType = ()>>(cx: &Context) -> Result<bool, StepError> {
    let version = K::api_version(&());
    let known = cx.kinds.of(&version);
    // The wait for somebody else's question is part of it: nobody waits for ever for an answer that does not come.
    let plurals = timeout(WAIT, known.get(&cx.clock, ask(&cx.client, &version)));
    let plurals = plurals.await.map_err(|_| {
        StepError::transient(
            Reason::ApiUnavailable,
            format!(
                "the API server does not say within {} s which kinds {version} has",
                WAIT.as_secs()
            ),
        )
    })??;
    Ok(plurals.contains(&*K::plural(&())))
}

/// The plurals of the kinds that a version of a group has.
async fn ask(client: &Client, version: &str) -> Result<Plurals, StepError> {
    match client.list_api_group_resources(version).await {
        Ok(list) => {
            // One whose definition is being deleted is still told, but takes no object any more.
            let takes = |kind: &APIResource| kind.verbs.iter().any(|verb| verb == "patch");
            let kinds = list.resources.into_iter().filter(takes);
            Ok(Arc::new(kinds.map(|kind| kind.name).collect()))
        }
        // Of a group that nobody has installed it says so in plain text, without a reason.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Plurals::default()),
        Err(error) => Err(StepError::of_kube(&format!("kinds of {version}"), &error)),
    }
}

impl Kinds {
    /// Asks anew for kind `K` when somebody wants to know.
    pub(crate) fn forget<K: Resource<DynamicType = ()>>(&self) {
        self.of(&K::api_version(&())).doubt();
    }

    fn of(&self, version: &str) -> Arc<Answer<Plurals>> {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        versions.entry(version.to_owned()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use common_clock::ManualClock;
    use serde_json::json;

    use super::*;
    use crate::{
        platform::{answer::FRESH, foreign::HttpRoute},
        testing::Api as Server,
    };

    #[tokio::test]
    async fn a_group_that_nobody_has_installed_has_no_kinds() {
        let server = Server::default();
        server.undefine("/apis/gateway.networking.k8s.io");
        let has = has::<HttpRoute>(&server.context()).await;
        assert!(!has.expect("an answer"));
    }

    #[tokio::test]
    async fn many_who_want_to_know_at_once_ask_once() {
        let server = Server::default();
        let cx = server.context();
        let answers = futures::future::join_all((0..20).map(|_| has::<HttpRoute>(&cx)));
        assert!(
            answers
                .await
                .into_iter()
                .all(|answer| !answer.expect("an answer"))
        );
        assert_eq!(server.reads(), 1);
    }

    #[tokio::test]
    async fn a_kind_is_looked_for_again_after_a_while() {
        let server = Server::default();
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let mut cx = server.context();
        cx.clock = clock.clone();
        assert!(!has::<HttpRoute>(&cx).await.expect("an answer"));
        server.insert(
            "/apis/gateway.networking.k8s.io/v1",
            json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "gateway.networking.k8s.io/v1",
                "resources": [{"name": "httproutes", "singularName": "httproute", "namespaced": true, "kind": "HTTPRoute", "verbs": ["get", "patch"]}],
            }),
        );
        assert!(!has::<HttpRoute>(&cx).await.expect("what was said before"));
        clock.advance(FRESH);
        assert!(has::<HttpRoute>(&cx).await.expect("an answer"));

        // Its definition is being deleted.
        server.put("/apis/gateway.networking.k8s.io/v1", |list| {
            list["resources"][0]["verbs"] = json!(["delete", "get", "list", "watch"]);
        });
        assert!(has::<HttpRoute>(&cx).await.expect("what was said before"));
        cx.kinds.forget::<HttpRoute>();
        assert!(!has::<HttpRoute>(&cx).await.expect("an answer"));
    }
}
