//! Deletion: the roles stop, their logins end, what the policy says is dropped, and only then the resource goes.

use crds::{FORCE_RELEASE_ANNOTATION, Platform, Reason};
use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
    runtime::events::EventType,
};
use serde_json::json;

use super::{
    Context, Object, StepError,
    apply::{kafka, kube::delete, ledger::list, postgres, redis},
    dereference::dereference,
    metadata::{FIELD_MANAGER, selector, with_labels},
    status::record,
    validate::{ExternalNames, validate},
};

/// Held while something of the Platform may exist on a server.
const FINALIZER: &str = "crewdeck.io/external";
/// The action of its Events.
const ACTION: &str = "Release";
/// Reason of the Event that names what was left on a server.
const LEFT_BEHIND: &str = Reason::LeftBehind.as_str();

/// Holds the resource: from now on it goes only after what is external was let go.
pub(super) async fn hold(cx: &Context, platform: &Platform) -> Result<(), StepError> {
    if platform
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == FINALIZER)
    {
        return Ok(());
    }
    let mut finalizers = platform.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    set(cx, platform, &finalizers).await
}

/// Lets everything go and, at last, the resource.
///
/// # Errors
/// While something is still running or a server does not answer, with what is left there.
pub(super) async fn release(cx: &Context, platform: &Platform) -> Result<(), StepError> {
    if !platform
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == FINALIZER)
    {
        return Ok(());
    }
    let forced = platform
        .annotations()
        .contains_key(FORCE_RELEASE_ANNOTATION);
    match stop(cx, platform).await {
        // A pod on a node that is gone never ends.
        Err(error) if forced => tracing::warn!(left = error.message, "not waited for"),
        stopped => stopped?,
    }
    match let_go(cx, platform).await {
        Ok(left) => {
            if !left.is_empty() {
                tracing::info!(left, "kept by deletionPolicy");
                let note = format!("kept by deletionPolicy: {left}");
                record(cx, platform, ACTION, EventType::Normal, "Retained", &note).await;
            }
        }
        Err(error) if forced => {
            tracing::warn!(leak = error.message, "released by force");
            let note = &error.message;
            record(cx, platform, ACTION, EventType::Warning, LEFT_BEHIND, note).await;
        }
        Err(error) => return Err(error),
    }
    let rest: Vec<String> = platform
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != FINALIZER)
        .cloned()
        .collect();
    set(cx, platform, &rest).await
}

/// Deletes the roles and the migration, and waits for their last pod: a login is ended when nobody uses it.
async fn stop(cx: &Context, platform: &Platform) -> Result<(), StepError> {
    delete_ours::<Deployment>(cx, platform).await?;
    delete_ours::<Job>(cx, platform).await?;
    let namespace = platform.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &namespace);
    let pods = api
        .list(&ours(platform))
        .await
        .map_err(|error| StepError::of_kube(&format!("pods of namespace {namespace}"), &error))?;
    match pods.items.len() {
        0 => Ok(()),
        left => Err(StepError::waiting(
            Reason::Deleting,
            format!("pods that are still stopping: {left}"),
        )),
    }
}

async fn delete_ours<K>(cx: &Context, platform: &Platform) -> Result<(), StepError>
where
    K: Object,
{
    let namespace = platform.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(cx.client.clone(), &namespace);
    let what = format!("{} of namespace {namespace}", K::plural(&()));
    let list = api
        .list(&ours(platform))
        .await
        .map_err(|error| StepError::of_kube(&what, &error))?;
    for object in list.items {
        let belongs = object
            .owner_references()
            .iter()
            .any(|owner| Some(&owner.uid) == platform.metadata.uid.as_ref());
        if !belongs || object.meta().deletion_timestamp.is_some() {
            continue;
        }
        delete(cx, &object).await?;
    }
    Ok(())
}

fn ours(platform: &Platform) -> ListParams {
    with_labels(&selector(&platform.name_any(), None))
}

/// Ends the logins and drops what the policies say. Returns what is kept, in words.
async fn let_go(cx: &Context, platform: &Platform) -> Result<String, StepError> {
    if !has_ledger(cx, platform).await? {
        without_ledger(cx, platform).await;
        return Ok(String::new());
    }
    let servers = dereference(cx, platform).await.map_err(|errors| {
        let error = joined(errors.into_iter().map(|(_, error)| error));
        StepError {
            reason: Reason::LeftBehind,
            message: format!(
                "{}. Without it nothing can be dropped; what is there is listed in ConfigMap {name}-external. To \
                 leave it there: kubectl annotate platform {name} {FORCE_RELEASE_ANNOTATION}=true",
                error.message,
                name = platform.name_any()
            ),
            ..error
        }
    })?;
    let p = validate(
        platform,
        &cx.config,
        servers.postgres,
        servers.redis,
        servers.kafka,
    )?;
    // Each is tried although another one failed: what can go, goes.
    let (kafka, redis, postgres) = tokio::join!(
        kafka::release(cx, &p, p.events_policy),
        redis::release(cx, &p, p.redis_policy),
        postgres::release(cx, &p, p.database_policy),
    );
    match (kafka, redis, postgres) {
        (Ok(kafka), Ok(redis), Ok(postgres)) => Ok(list(
            [kafka, redis, postgres].iter().flat_map(|left| &left.0),
        )),
        (kafka, redis, postgres) => {
            let errors = [kafka.err(), redis.err(), postgres.err()];
            Err(joined(errors.into_iter().flatten()))
        }
    }
}

/// Several errors as one that names them all; the first gives reason and class.
fn joined(errors: impl IntoIterator<Item = StepError>) -> StepError {
    errors
        .into_iter()
        .reduce(|first, next| StepError {
            message: format!("{}; {}", first.message, next.message),
            ..first
        })
        .unwrap_or_else(|| StepError::transient(Reason::LeftBehind, "a server was not let go"))
}

/// Tells that nothing names what may be left on the servers: a namespace that is deleted takes its `ConfigMap`s with
/// it, and must be able to go all the same.
async fn without_ledger(cx: &Context, platform: &Platform) {
    let made = platform
        .status
        .as_ref()
        .is_some_and(|status| !status.credentials.is_empty());
    if !made {
        return;
    }
    let (name, namespace) = (
        platform.name_any(),
        platform.namespace().unwrap_or_default(),
    );
    let names = ExternalNames::of(&cx.config.cluster_name, &namespace, &name);
    let note = format!(
        "ConfigMap {name}-external, the list of what was made, is gone. What is left on the servers has names that \
         begin with {} or {}",
        names.prefix(),
        names.sql()
    );
    tracing::warn!(leak = note, "released without its ledger");
    record(cx, platform, ACTION, EventType::Warning, LEFT_BEHIND, &note).await;
}

/// Whether anything was ever meant to be made on a server.
async fn has_ledger(cx: &Context, platform: &Platform) -> Result<bool, StepError> {
    let (name, namespace) = (
        format!("{}-external", platform.name_any()),
        platform.namespace().unwrap_or_default(),
    );
    let api: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &namespace);
    let found = api.get_opt(&name).await;
    found
        .map(|found| found.is_some())
        .map_err(|error| StepError::of_kube(&format!("ConfigMap {namespace}/{name}"), &error))
}

/// Replaces the finalizers of exactly the version that was read.
async fn set(cx: &Context, platform: &Platform, finalizers: &[String]) -> Result<(), StepError> {
    let (name, namespace) = (
        platform.name_any(),
        platform.namespace().unwrap_or_default(),
    );
    let api: Api<Platform> = Api::namespaced(cx.client.clone(), &namespace);
    let body = json!({
        "metadata": {"finalizers": finalizers, "resourceVersion": platform.resource_version()},
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match api.patch(&name, &parameters, &Patch::Merge(&body)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(StepError::of_kube(
            &format!("Platform {namespace}/{name}"),
            &error,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::validate::sample::platform, testing::Api as Server, told::is_told};

    #[tokio::test]
    async fn what_is_waited_for_is_told_pods_first_and_then_what_is_left() {
        let server = Server::default();
        let mut platform = platform();
        platform.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        let pod = "/api/v1/namespaces/crewdeck/pods/demo-web-1";
        server.insert(
            pod,
            json!({"metadata": {"name": "demo-web-1", "labels": selector("demo", None)}}),
        );
        let ledger = "/api/v1/namespaces/crewdeck/configmaps/demo-external";
        server.insert(ledger, json!({"metadata": {"name": "demo-external"}}));
        let cx = server.context();
        let error = release(&cx, &platform).await.expect_err("a pod is left");
        is_told(Reason::Deleting, error.reason.as_str());
        assert_eq!(error.message, "pods that are still stopping: 1");

        // The Secrets with the servers' addresses are gone before the Platform is.
        server.remove(pod);
        let error = release(&cx, &platform).await.expect_err("not let go");
        is_told(Reason::LeftBehind, error.reason.as_str());
        assert!(
            error.message.contains("crewdeck.io/force-release=true"),
            "{error}"
        );
        assert_eq!(server.writes(), 0);
    }

    #[test]
    fn every_server_that_failed_is_named() {
        let error = joined([
            StepError::transient(Reason::LeftBehind, "kafka is gone"),
            StepError::waiting(Reason::LoginRefused, "redis refuses"),
        ]);
        assert_eq!(
            error,
            StepError::transient(Reason::LeftBehind, "kafka is gone; redis refuses")
        );
    }
}
