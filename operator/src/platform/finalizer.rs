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
    apply::{
        kafka,
        kube::delete,
        ledger::{Left, Server, Thing, damaged, entries, left_behind, list},
        postgres, redis,
    },
    dereference::{Each, each},
    metadata::{FIELD_MANAGER, selector, with_labels},
    status::record,
    validate::{ExternalNames, KafkaCluster, PostgresServer, RedisServer, validate},
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
    // On the heap: it holds the work at three servers.
    match Box::pin(let_go(cx, platform)).await {
        Ok(left) => {
            if !left.is_empty() {
                tracing::info!(left, "kept by deletionPolicy");
                let note = format!("kept by deletionPolicy: {left}");
                record(cx, platform, ACTION, EventType::Normal, "Retained", &note).await;
            }
        }
        Err(error) if forced => {
            // The ledger goes with the Platform in a moment: this is the last time that anybody can read it.
            let all = listed(cx, platform).await.ok().flatten();
            let leak = all.map_or_else(|| names_of(cx, platform), |things| list(&things));
            tracing::warn!(why = error.message, leak, "released by force");
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
///
/// # Errors
/// While a server cannot be let go of: with what is left there, or how its names begin where nobody can tell.
async fn let_go(cx: &Context, platform: &Platform) -> Result<String, StepError> {
    let listed = listed(cx, platform).await.map_err(|error| StepError {
        message: format!("{}. {}", error.message, names_of(cx, platform)),
        ..error
    })?;
    let Some(listed) = listed else {
        without_ledger(cx, platform).await;
        return Ok(String::new());
    };
    let Each {
        postgres,
        redis,
        kafka,
    } = each(cx, platform).await;
    let (no_postgres, postgres) = known(postgres, PostgresServer::nowhere);
    let (no_redis, redis) = known(redis, RedisServer::nowhere);
    let (no_kafka, kafka) = known(kafka, KafkaCluster::nowhere);
    let p = validate(platform, &cx.config, postgres, redis, kafka)
        .map_err(|error| left_behind(&error, &listed))?;
    // Each is tried although another one failed: what can go, goes.
    let (kafka, redis, postgres) = tokio::join!(
        unless(
            (no_kafka, Server::Kafka),
            &listed,
            kafka::release(cx, &p, p.events_policy)
        ),
        unless(
            (no_redis, Server::Redis),
            &listed,
            redis::release(cx, &p, p.redis_policy)
        ),
        unless(
            (no_postgres, Server::Postgres),
            &listed,
            postgres::release(cx, &p, p.database_policy)
        ),
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

/// Why a server is not known, and what stands in its place then.
fn known<S>(server: Result<S, StepError>, nowhere: impl FnOnce() -> S) -> (Option<StepError>, S) {
    match server {
        Ok(server) => (None, server),
        Err(error) => (Some(error), nowhere()),
    }
}

/// Lets go of a server by `release`, unless it is not known: then what is `listed` of it is left there.
async fn unless(
    (unknown, server): (Option<StepError>, Server),
    listed: &[Thing],
    release: impl Future<Output = Result<Left, StepError>>,
) -> Result<Left, StepError> {
    let Some(error) = unknown else {
        return release.await;
    };
    let there = listed.iter().filter(|thing| thing.server == server);
    let there: Vec<Thing> = there.cloned().collect();
    if there.is_empty() {
        return Ok(Left::default());
    }
    Err(left_behind(&error, &there))
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
    let note = format!(
        "ConfigMap {}-external, the list of what was made, is gone. {}",
        platform.name_any(),
        names_of(cx, platform)
    );
    tracing::warn!(leak = note, "released without its ledger");
    record(cx, platform, ACTION, EventType::Warning, LEFT_BEHIND, &note).await;
}

/// How the names of everything begin that the Platform may have on servers.
fn names_of(cx: &Context, platform: &Platform) -> String {
    let namespace = platform.namespace().unwrap_or_default();
    let names = ExternalNames::of(&cx.config.cluster_name, &namespace, &platform.name_any());
    format!(
        "What is left on the servers has names that begin with {} or {}",
        names.prefix(),
        names.sql()
    )
}

/// What the ledger names; `None` when nothing was ever meant to be made on a server, or the ledger is gone.
///
/// # Errors
/// When it cannot be read.
async fn listed(cx: &Context, platform: &Platform) -> Result<Option<Vec<Thing>>, StepError> {
    let (name, namespace) = (
        format!("{}-external", platform.name_any()),
        platform.namespace().unwrap_or_default(),
    );
    let api: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &namespace);
    let found = api.get_opt(&name).await;
    let found =
        found.map_err(|error| StepError::of_kube(&format!("ConfigMap {namespace}/{name}"), &error));
    let Some(ledger) = found? else {
        return Ok(None);
    };
    let things = entries(&ledger).map_err(|error| damaged(&name, &error))?;
    Ok(Some(things.into_keys().collect()))
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
    use rstest::rstest;
    use serde_json::Value;

    use super::*;
    use crate::{platform::validate::sample, testing::Api as Server, told::is_told};

    const PLATFORM: &str = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms/demo";
    const LEDGER: &str = "/api/v1/namespaces/crewdeck/configmaps/demo-external";
    const SECRETS: &str = "/api/v1/namespaces/crewdeck/secrets";

    /// A Platform that is being deleted, with this ledger, and of whose Secrets none is there.
    fn deleted(server: &Server, ledger: Option<&str>, forced: bool) -> Platform {
        let mut platform = sample::platform();
        platform.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        if forced {
            let mark = (FORCE_RELEASE_ANNOTATION.to_owned(), "true".to_owned());
            platform.metadata.annotations = Some([mark].into());
        }
        server.insert(PLATFORM, serde_json::to_value(&platform).expect("JSON"));
        if let Some(ledger) = ledger {
            let map =
                json!({"metadata": {"name": "demo-external"}, "data": {"ledger.json": ledger}});
            server.insert(LEDGER, map);
        }
        platform
    }

    /// The notes of all Events of this reason, each no longer than an Event holds.
    fn notes(server: &Server, reason: &str) -> String {
        let events = server.paths();
        let events = events.iter().filter(|path| path.contains("/events/"));
        let told = events
            .filter_map(|path| server.object(path))
            .filter(|event| event["reason"] == reason)
            .map(|event| event["note"].as_str().expect("a note").to_owned());
        let told: Vec<String> = told.collect();
        assert!(told.iter().all(|note| note.len() <= 1_024), "{told:?}");
        told.concat()
    }

    fn finalizers(server: &Server) -> Value {
        server.object(PLATFORM).expect("there")["metadata"]["finalizers"].clone()
    }

    const TWO: &str = r#"[
        {"server": "postgres", "kind": "database", "name": "crewdeck_demo", "created": true},
        {"server": "kafka", "kind": "topic", "name": "crewdeck-demo.task-events", "created": false}
    ]"#;

    #[tokio::test]
    async fn pods_that_are_stopping_are_waited_for() {
        let server = Server::default();
        let platform = deleted(&server, None, false);
        let pod = "/api/v1/namespaces/crewdeck/pods/demo-web-1";
        server.insert(
            pod,
            json!({"metadata": {"name": "demo-web-1", "labels": selector("demo", None)}}),
        );
        let cx = server.context();
        let error = release(&cx, &platform).await.expect_err("a pod is left");
        is_told(Reason::Deleting, error.reason.as_str());
        assert_eq!(error.message, "pods that are still stopping: 1");
        assert_eq!(server.writes(), 0);
    }

    #[rstest]
    #[case::gone(false, "create it with")]
    #[case::forbidden(true, "may not use Secret")]
    #[tokio::test]
    async fn a_forced_release_without_a_login_names_everything_in_its_event(
        #[case] forbidden: bool,
        #[case] why: &str,
    ) {
        let server = Server::default();
        let platform = deleted(&server, Some(TWO), true);
        if forbidden {
            server.forbid(SECRETS);
        }
        release(&server.context(), &platform).await.expect("let go");
        let told = notes(&server, LEFT_BEHIND);
        for word in [
            "database crewdeck_demo",
            "topic crewdeck-demo.task-events",
            why,
        ] {
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(finalizers(&server), json!([]));
    }

    #[tokio::test]
    async fn without_force_it_waits_and_says_what_is_left() {
        let server = Server::default();
        let platform = deleted(&server, Some(TWO), false);
        let error = release(&server.context(), &platform).await;
        let error = error.expect_err("nobody can log in");
        is_told(Reason::LeftBehind, error.reason.as_str());
        assert!(error.message.contains("database crewdeck_demo"), "{error}");
        assert!(error.message.contains(FORCE_RELEASE_ANNOTATION), "{error}");
        assert_eq!(finalizers(&server), json!([FINALIZER]));
    }

    /// Of a ledger that somebody has filled by hand, its own things are told and the rest is counted.
    #[tokio::test]
    async fn a_ledger_without_end_makes_no_event_without_end() {
        let things: Vec<Value> = (0..5_000)
            .map(|n| {
                let name = format!("crewdeck_demo_{n:04}");
                json!({"server": "postgres", "kind": "role", "name": name, "created": true})
            })
            .collect();
        let server = Server::default();
        let platform = deleted(&server, Some(&json!(things).to_string()), true);
        release(&server.context(), &platform).await.expect("let go");
        let told = notes(&server, LEFT_BEHIND);
        assert!(told.contains("role crewdeck_demo_0000"), "{told}");
        assert!(told.contains("4936 more") && told.contains("log"), "{told}");
        assert!(told.len() < 8_000, "{} bytes", told.len());
    }

    #[rstest]
    #[case::damaged(Some("[{"), false)]
    #[case::forbidden(Some(TWO), true)]
    #[tokio::test]
    async fn without_a_ledger_that_can_be_read_the_names_are_told_by_their_beginning(
        #[case] ledger: Option<&str>,
        #[case] forbidden: bool,
    ) {
        let server = Server::default();
        let platform = deleted(&server, ledger, true);
        if forbidden {
            server.forbid(LEDGER);
        }
        let cx = server.context();
        release(&cx, &platform).await.expect("let go");
        let names = ExternalNames::of(&cx.config.cluster_name, "crewdeck", "demo");
        let told = notes(&server, LEFT_BEHIND);
        assert!(told.contains(names.prefix()), "{told}");
        assert!(told.contains(&names.sql()), "{told}");
        assert_eq!(finalizers(&server), json!([]));
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
