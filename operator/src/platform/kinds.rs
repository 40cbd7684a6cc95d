//! Which kinds of others the cluster has. Asked of the API server once a minute for each group, and when one of their objects has
//! gone, however many Platforms there are: a definition that is installed later is found without a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;
use kube::Resource;

use super::{Context, StepError};

/// How long an answer counts.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// What the API server said last, by group and version. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Kinds(Arc<Mutex<Answers>>);

#[derive(Debug, Default)]
struct Answers {
    by_version: BTreeMap<String, Answer>,
    /// How often somebody had reason to doubt them: what was asked before that is not remembered.
    doubts: u64,
}

#[derive(Debug, Clone)]
struct Answer {
    at: DateTime<Utc>,
    plurals: BTreeSet<String>,
}

/// Whether the cluster has kind `K`.
///
/// # Errors
/// When the API server does not answer.
pub(crate) async fn has<K: Resource<DynamicType = ()>>(cx: &Context) -> Result<bool, StepError> {
    let (version, plural) = (K::api_version(&()), K::plural(&()));
    let now = cx.clock.now();
    if let Some(known) = cx.kinds.known(&version, &plural, now) {
        return Ok(known);
    }
    let doubts = cx.kinds.answers().doubts;
    let plurals = match cx.client.list_api_group_resources(&version).await {
        Ok(list) => {
            // One whose definition is being deleted is still told, but takes no object any more.
            let takes = |kind: &APIResource| kind.verbs.iter().any(|verb| verb == "patch");
            let kinds = list.resources.into_iter().filter(takes);
            kinds.map(|kind| kind.name).collect()
        }
        // Of a group that nobody has installed it says so in plain text, without a reason.
        Err(kube::Error::Api(status)) if status.code == 404 => BTreeSet::new(),
        Err(error) => return Err(StepError::of_kube(&format!("kinds of {version}"), &error)),
    };
    let has = plurals.contains(plural.as_ref());
    let mut answers = cx.kinds.answers();
    if answers.doubts == doubts {
        let answer = Answer { at: now, plurals };
        answers.by_version.insert(version.into_owned(), answer);
    }
    Ok(has)
}

impl Kinds {
    /// Asks anew for kind `K` when somebody wants to know.
    pub(crate) fn forget<K: Resource<DynamicType = ()>>(&self) {
        let mut answers = self.answers();
        answers.by_version.remove(&*K::api_version(&()));
        answers.doubts += 1;
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, version: &str, plural: &str, now: DateTime<Utc>) -> Option<bool> {
        let answers = self.answers();
        let answer = answers
            .by_version
            .get(version)
            .filter(|answer| answer.at <= now && now - answer.at < FRESH)?;
        Some(answer.plurals.contains(plural))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use common_clock::ManualClock;
    use serde_json::json;

    use super::*;
    use crate::{platform::foreign::HttpRoute, testing::Api as Server};

    #[tokio::test]
    async fn a_group_that_nobody_has_installed_has_no_kinds() {
        let server = Server::default();
        server.undefine("/apis/gateway.networking.k8s.io");
        let has = has::<HttpRoute>(&server.context()).await;
        assert!(!has.expect("an answer"));
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
