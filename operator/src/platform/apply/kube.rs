//! Objects of Kubernetes: compared first, sent only when something differs.

use std::{collections::BTreeMap, fmt::Debug};

use crds::Reason;
use k8s_openapi::{
    ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Resource, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(crate) use super::compare::holds;
use super::{
    compare::{Whose, owns_no_more, whose},
    repair::{hold_by_applying_alone, is_written, repair},
};
use crate::platform::{
    Context, Object, StepError,
    metadata::{FIELD_MANAGER, metadata},
    validate::ValidatedPlatform,
};

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stood as wanted; nothing was sent.
    Unchanged,
    /// It was not there.
    Created,
    /// It differed.
    Changed,
}

/// Makes `wanted` true by server-side apply, after a live read: nothing is sent when what is there has every
/// wanted value already. Returns what became of it and the object as it is now.
///
/// # Errors
/// What the API server says, with the object's kind and name; `NotOurs` when somebody else has an object there.
pub async fn ensure<K>(cx: &Context, wanted: &K) -> Result<(Outcome, K), StepError>
where
    K: Object,
{
    let (api, what, found) = look(cx, wanted).await?;
    // On the heap: this is part of every pass, many times over.
    let (outcome, now) = Box::pin(settle(&api, &what, wanted, found)).await?;
    if outcome == Outcome::Created {
        cx.watched.made::<K>(now.meta());
    }
    Ok((outcome, now))
}

/// Makes `wanted` true as [`ensure`] does, for who needs not know how it stands: one that was found so, and has that version
/// still as its watch tells, is not even read.
///
/// # Errors
/// As [`ensure`].
pub async fn keep<K>(cx: &Context, wanted: &K) -> Result<(), StepError>
where
    K: Object,
{
    if cx.watched.stands(wanted.meta(), wanted, cx.clock.now()) {
        return Ok(());
    }
    let (outcome, found) = ensure(cx, wanted).await?;
    if outcome == Outcome::Unchanged {
        cx.watched.found(found.meta(), wanted, cx.clock.now());
    }
    Ok(())
}

/// Makes `wanted` true as [`ensure`] does, over exactly the version that was looked at before: `None` of an object that was
/// not there. Returns the version that it has now.
///
/// # Errors
/// As [`ensure`]; `ApiUnavailable` when somebody has written since.
pub(crate) async fn ensure_over<K>(
    cx: &Context,
    wanted: &K,
    seen: Option<&String>,
) -> Result<Option<String>, StepError>
where
    K: Object,
{
    let (api, what, found) = look(cx, wanted).await?;
    let version = found.as_ref().and_then(K::resource_version);
    if version.as_ref() != seen {
        return Err(StepError::transient(
            Reason::ApiUnavailable,
            format!("{what} was written by somebody else meanwhile; it is looked at again"),
        ));
    }
    let mut wanted = wanted.clone();
    wanted.meta_mut().resource_version = version;
    let (_, now) = Box::pin(settle(&api, &what, &wanted, found)).await?;
    Ok(now.resource_version())
}

/// An object as it stands, and in words what is otherwise than `wanted`, if anything is. Changes nothing.
///
/// # Errors
/// What the API server says.
pub(crate) async fn drift<K>(
    cx: &Context,
    wanted: &K,
) -> Result<(Option<K>, Option<String>), StepError>
where
    K: Object,
{
    let (_, what, found) = look(cx, wanted).await?;
    let words = match &found {
        None => Some(format!("{what} is missing")),
        Some(found) if stands(&what, found, &body(&what, wanted)?)? => None,
        Some(_) => Some(format!("{what} differs")),
    };
    Ok((found, words))
}

/// An object as it is sent.
fn body<K: Serialize>(what: &str, object: &K) -> Result<Value, StepError> {
    serde_json::to_value(object)
        .map_err(|error| StepError::terminal(Reason::ApplyRefused, format!("{what}: {error}")))
}

/// Whether `found` has every wanted value, and we hold no field that is wanted no longer.
fn stands<K: Resource + Serialize>(
    what: &str,
    found: &K,
    wanted: &Value,
) -> Result<bool, StepError> {
    let there = body(what, found)?;
    let fields = found.meta().managed_fields.as_deref().unwrap_or_default();
    Ok(holds(&there, wanted)
        && owns_no_more(found.meta(), wanted, FIELD_MANAGER)
        && !fields.iter().any(is_written))
}

/// Reads live what is where `wanted` belongs. Gives the way there and its kind and name, too.
async fn look<K>(cx: &Context, wanted: &K) -> Result<(Api<K>, String, Option<K>), StepError>
where
    K: Object,
{
    let name = wanted.name_any();
    let namespace = wanted.namespace().unwrap_or_default();
    let what = format!("{} {namespace}/{name}", K::kind(&()));
    let api: Api<K> = Api::namespaced(cx.client.clone(), &namespace);
    let found = read(&api, &what, &name).await?;
    Ok((api, what, found))
}

/// The object `name`, if it is there. A kind of others may have gone since it was looked for: then it is not.
async fn read<K>(api: &Api<K>, what: &str, name: &str) -> Result<Option<K>, StepError>
where
    K: Clone + DeserializeOwned + Debug,
{
    match api.get(name).await {
        Ok(found) => Ok(Some(found)),
        // Without a reason when the kind itself is not there, which `get_opt` takes for a failure.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(StepError::of_kube(what, &error)),
    }
}

/// Sends `wanted` unless `found` has every wanted value already.
async fn settle<K>(
    api: &Api<K>,
    what: &str,
    wanted: &K,
    found: Option<K>,
) -> Result<(Outcome, K), StepError>
where
    K: Object,
{
    let mut body = body(what, wanted)?;
    let Some(found) = found else {
        let now = apply(api, wanted, &body).await;
        let now = now.map_err(|error| StepError::of_kube(what, &error))?;
        tracing::info!(object = %what, "created");
        return Ok((Outcome::Created, now));
    };
    require_ours(what, found.meta(), wanted.meta())?;
    if stands(what, &found, &body)? {
        return Ok((Outcome::Unchanged, found));
    }
    let mut applied = apply(api, wanted, &body).await;
    // Over which it had to be applied: the answer has another version, and so has all that follows.
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    let is_left = match &applied {
        Ok(now) => !holds(&self::body(what, now)?, &body),
        Err(kube::Error::Api(status)) => status.code == 422,
        Err(_) => false,
    };
    if is_left && repair(api, what, wanted, &body).await {
        applied = apply(api, wanted, &body).await;
    }
    let now = applied.map_err(|error| StepError::of_kube(what, &error))?;
    let now = hold_by_applying_alone(api, what, now).await?;
    tracing::info!(object = %what, "changed");
    Ok((Outcome::Changed, now))
}

/// Sends `body`, which is `wanted`, by server-side apply.
async fn apply<K>(api: &Api<K>, wanted: &K, body: &Value) -> kube::Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let mut body = body.clone();
    body["apiVersion"] = Value::String(K::api_version(&()).into_owned());
    body["kind"] = Value::String(K::kind(&()).into_owned());
    let force = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&wanted.name_any(), &force, &Patch::Apply(&body))
        .await
}

/// Refuses an object that is not ours to change: the `metadata` of `what` as it was found, and as it would be ours.
///
/// # Errors
/// `NotOurs`: for good when somebody else made it, for a while when it is left of an earlier Platform of this name.
pub(crate) fn require_ours(
    what: &str,
    found: &ObjectMeta,
    ours: &ObjectMeta,
) -> Result<(), StepError> {
    match whose(found, ours, FIELD_MANAGER) {
        Whose::Ours => Ok(()),
        Whose::Remains => Err(StepError::waiting(
            Reason::NotOurs,
            format!(
                "{what} is left of a deleted Platform {}; Kubernetes is removing it",
                owners_of(ours)
            ),
        )),
        Whose::Foreign => Err(StepError::terminal(
            Reason::NotOurs,
            format!("{what} exists and was not made by this operator; rename or remove it"),
        )),
    }
}

/// Makes a Secret with values that are drawn once: one that is there, or that somebody else makes first, is never
/// changed. `values` is asked only when there is none.
///
/// # Errors
/// What the API server says; `NotOurs` when somebody else has a Secret there.
pub async fn create_once(
    cx: &Context,
    platform: &ValidatedPlatform,
    name: String,
    values: impl FnOnce() -> BTreeMap<String, ByteString>,
) -> Result<(), StepError> {
    let api: Api<Secret> = Api::namespaced(cx.client.clone(), &platform.namespace);
    let what = format!("Secret {}/{name}", platform.namespace);
    let found = api.get_opt(&name).await;
    let mut secret = Secret {
        metadata: metadata(platform, name, None),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    if let Some(found) = found.map_err(|error| StepError::of_kube(&what, &error))? {
        return require_ours(&what, &found.metadata, &secret.metadata);
    }
    secret.data = Some(values());
    match api.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok(()),
        // Somebody was faster; theirs stays.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(StepError::of_kube(&what, &error)),
    }
}

/// Deletes exactly this object: one of the same name that was made since stays. One that is gone is fine.
///
/// # Errors
/// What the API server says.
pub async fn delete<K>(cx: &Context, object: &K) -> Result<(), StepError>
where
    K: Object,
{
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(cx.client.clone(), &namespace);
    let exactly = DeleteParams::background().preconditions(Preconditions {
        uid: object.meta().uid.clone(),
        resource_version: None,
    });
    match api.delete(&name, &exactly).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => {
            let what = format!("{} {namespace}/{name}", K::kind(&()));
            Err(StepError::of_kube(&what, &error))
        }
    }
}

/// Deletes the object `name` that is wanted no longer, if it is there and belongs to the Platform. One that was not
/// there, and of which its watch has told nothing since, is not looked for.
///
/// # Errors
/// What the API server says.
pub async fn remove<K>(
    cx: &Context,
    platform: &ValidatedPlatform,
    name: &str,
) -> Result<(), StepError>
where
    K: Object,
{
    if is_absent::<K>(cx, platform, name) {
        return Ok(());
    }
    let now = cx.clock.now();
    let api: Api<K> = Api::namespaced(cx.client.clone(), &platform.namespace);
    let what = format!("{} {}/{name}", K::kind(&()), platform.namespace);
    let found = read(&api, &what, name).await?;
    let ours = |found: &K| {
        let owners = found.owner_references();
        owners.iter().any(|owner| owner.uid == platform.uid)
    };
    match found {
        Some(found) if ours(&found) && found.meta().deletion_timestamp.is_none() => {
            delete(cx, &found).await
        }
        Some(_) => Ok(()),
        None => {
            cx.watched.missed::<K>(&platform.namespace, name, now);
            Ok(())
        }
    }
}

/// Whether it is known, without a look, that there is no object `name`.
pub(crate) fn is_absent<K: Object>(cx: &Context, platform: &ValidatedPlatform, name: &str) -> bool {
    let now = cx.clock.now();
    cx.watched.lacks::<K>(&platform.namespace, name, now)
}

/// The Platform that an object is for.
fn owners_of(metadata: &ObjectMeta) -> String {
    let owners = metadata.owner_references.iter().flatten();
    owners.map(|owner| owner.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use serde_json::json;

    use super::*;
    use crate::{
        platform::{
            foreign::HttpRoute,
            validate::{Role, sample::sample},
        },
        testing::Api as Server,
        told::is_told,
    };

    const PATH: &str = "/api/v1/namespaces/crewdeck/configmaps/demo-web-config";

    fn wanted(value: &str) -> ConfigMap {
        ConfigMap {
            metadata: metadata(&sample(), "demo-web-config".to_owned(), Some(Role::Web)),
            data: Some([("crewdeck.toml".to_owned(), value.to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    #[tokio::test]
    async fn an_idle_pass_writes_nothing_and_drift_is_taken_back() {
        let server = Server::default();
        let cx = server.context();
        let mut outcomes = Vec::new();
        for value in ["a = 1", "a = 1", "a = 2", "a = 2"] {
            outcomes.push(ensure(&cx, &wanted(value)).await.expect("applied").0);
        }
        let expected = [
            Outcome::Created,
            Outcome::Unchanged,
            Outcome::Changed,
            Outcome::Unchanged,
        ];
        assert_eq!((outcomes.as_slice(), server.writes()), (&expected[..], 2));

        server.put(PATH, |object| {
            object["data"]["crewdeck.toml"] = "by hand".into();
        });
        let (outcome, now) = ensure(&cx, &wanted("a = 2")).await.expect("applied");
        assert_eq!(outcome, Outcome::Changed);
        assert_eq!(now.data, wanted("a = 2").data);
    }

    #[tokio::test]
    async fn what_its_watch_tells_to_be_as_it_was_is_not_read() {
        let server = Server::default();
        let cx = server.context();
        cx.watched.begin::<ConfigMap>();
        let tell = || {
            let object = server.object(PATH).expect("there");
            let object: ConfigMap = serde_json::from_value(object).expect("a ConfigMap");
            cx.watched.told::<ConfigMap>(&object.metadata);
        };
        keep(&cx, &wanted("a = 1")).await.expect("made");
        tell();
        keep(&cx, &wanted("a = 1")).await.expect("read");
        server.put(PATH, |object| {
            object["data"]["crewdeck.toml"] = "by hand".into();
            object["metadata"]["resourceVersion"] = "99".into();
        });
        keep(&cx, &wanted("a = 1")).await.expect("not read");
        assert_eq!(server.writes(), 1);
        tell();
        keep(&cx, &wanted("a = 1")).await.expect("put right");
        assert_eq!(server.writes(), 2);
        tell();
        keep(&cx, &wanted("a = 1")).await.expect("read");
        keep(&cx, &wanted("a = 2")).await.expect("changed");
        assert_eq!(server.writes(), 3);
    }

    /// Also over a version, which is another one in the answer, and of a kind whose objects do not tell it.
    #[tokio::test]
    async fn a_change_is_one_request() {
        let server = Server::default();
        let cx = server.context();
        let mut version = None;
        for value in ["a = 1", "a = 2", "a = 2"] {
            let written = ensure_over(&cx, &wanted(value), version.as_ref()).await;
            version = written.expect("applied");
        }
        assert_eq!((server.asked(), server.writes()), (2, 2));
        let mut route = HttpRoute {
            metadata: metadata(&sample(), "demo-web".to_owned(), Some(Role::Web)),
            spec: json!({"hostnames": ["a.example.org"]}),
            status: Value::Null,
        };
        ensure(&cx, &route).await.expect("applied");
        route.spec = json!({"hostnames": ["b.example.org"]});
        ensure(&cx, &route).await.expect("applied");
        assert_eq!((server.asked(), server.writes()), (4, 4));
    }

    #[tokio::test]
    async fn what_somebody_else_made_is_not_taken() {
        let server = Server::default();
        let cx = server.context();
        ensure(&cx, &wanted("a = 1")).await.expect("applied");
        server.put(PATH, |object| {
            object["metadata"]["labels"] = Value::Null;
            object["metadata"]["ownerReferences"] = Value::Null;
        });
        let error = ensure(&cx, &wanted("a = 2")).await.expect_err("foreign");
        is_told(Reason::NotOurs, error.reason.as_str());
        assert!(
            error.message.contains("ConfigMap crewdeck/demo-web-config"),
            "{error}"
        );
        assert_eq!(server.writes(), 1);
    }

    #[tokio::test]
    async fn what_its_watch_told_before_we_knew_it_was_made_stands() {
        let server = Server::default();
        let cx = server.context();
        cx.watched.begin::<ConfigMap>();
        let version = ObjectMeta {
            resource_version: Some("1".to_owned()),
            ..wanted("").metadata
        };
        cx.watched.told::<ConfigMap>(&version);
        let (_, made) = ensure(&cx, &wanted("a = 1")).await.expect("made");
        assert_eq!(made.metadata.resource_version.as_deref(), Some("1"));
        keep(&cx, &wanted("a = 1")).await.expect("read");
        let now = cx.clock.now();
        assert!(cx.watched.stands(&version, &wanted("a = 1"), now));
    }

    /// Its watch does not know it any more, and yet it is there.
    #[tokio::test]
    async fn what_has_lost_its_label_is_removed_all_the_same() {
        let server = Server::default();
        let cx = server.context();
        let (p, name) = (sample(), "demo-web-config");
        cx.watched.begin::<ConfigMap>();
        let remove = async || remove::<ConfigMap>(&cx, &p, name).await.expect("removed");
        remove().await;
        let (_, made) = ensure(&cx, &wanted("a = 1")).await.expect("applied");
        cx.watched.told::<ConfigMap>(&made.metadata);
        cx.watched.gone::<ConfigMap>(&made.metadata);
        remove().await;
        assert_eq!((server.object(PATH), server.writes()), (None, 2));
    }

    /// The watch is late, or away.
    #[tokio::test]
    async fn what_was_just_made_is_removed_though_its_watch_does_not_know_it() {
        let server = Server::default();
        let cx = server.context();
        cx.watched.begin::<ConfigMap>();
        let (p, name) = (sample(), "demo-web-config");
        remove::<ConfigMap>(&cx, &p, name).await.expect("none");
        ensure(&cx, &wanted("a = 1")).await.expect("applied");
        remove::<ConfigMap>(&cx, &p, name).await.expect("removed");
        assert_eq!((server.object(PATH), server.writes()), (None, 2));
    }

    #[tokio::test]
    async fn only_what_is_ours_is_removed() {
        let server = Server::default();
        let cx = server.context();
        let (p, name) = (sample(), "demo-web-config");
        ensure(&cx, &wanted("a = 1")).await.expect("applied");
        server.put(PATH, |object| {
            object["metadata"]["ownerReferences"][0]["uid"] = "another".into();
        });
        remove::<ConfigMap>(&cx, &p, name).await.expect("left");
        assert!(server.object(PATH).is_some());
        server.put(PATH, |object| {
            object["metadata"]["ownerReferences"][0]["uid"] = p.uid.clone().into();
        });
        for _ in 0..2 {
            remove::<ConfigMap>(&cx, &p, name).await.expect("removed");
        }
        assert_eq!((server.object(PATH), server.writes()), (None, 2));
    }
}
