//! What the running pods say of themselves at `/internal/state`: which keys and logins they really use.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, future::join, stream};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::OnceCell, time::timeout};

use super::{
    Context, StepError,
    metadata::{FIELD_MANAGER, selector, with_labels},
    validate::{Identity, Role},
};

/// The second port of every role.
const PORT: u16 = 9000;
/// How long a pod may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Bytes of an answer at most.
const LONGEST: usize = 64 * 1024;
/// Pods that are asked side by side.
const CONCURRENCY: usize = 16;
/// First part of the annotations of a pod that tell what its files were hurried for, such as
/// `crewdeck.io/hurried-for-keys: "7 1800000000 1800000010"`. Their change alone makes the kubelet bring the mounted files up to date.
const HURRIED: &str = "crewdeck.io/hurried-for-";
/// A pod that is still behind is hurried again after this long, and then each time after twice as long.
const AGAIN: TimeDelta = TimeDelta::seconds(10);

/// A pod that has not ended, and what it says.
#[derive(Debug, Clone)]
pub struct PodState {
    /// Its name.
    pub name: String,
    uid: Option<String>,
    annotations: BTreeMap<String, String>,
    /// Its role; `None` of a pod of the migration.
    pub role: Option<Role>,
    /// Whether it takes requests.
    pub ready: bool,
    /// Its `/internal/state`; null while it does not answer.
    pub state: Value,
}

#[cfg(test)]
impl PodState {
    /// A Ready pod that says this.
    pub(crate) fn of_test(role: Option<Role>, state: Value) -> Self {
        Self {
            name: "pod".to_owned(),
            uid: None,
            annotations: BTreeMap::new(),
            role,
            ready: true,
            state,
        }
    }
}

/// The pods of one Platform, asked at most once in a pass, and only when somebody wants to know.
pub struct States<'a> {
    cx: &'a Context,
    p: Identity,
    asked: OnceCell<Vec<PodState>>,
}

impl<'a> States<'a> {
    /// Nobody was asked yet.
    #[must_use]
    pub fn new(cx: &'a Context, p: Identity) -> Self {
        let asked = OnceCell::new();
        Self { cx, p, asked }
    }

    /// What each pod says.
    ///
    /// # Errors
    /// When the pods cannot be listed. One that does not answer is no error: its state is null.
    pub async fn get(&self) -> Result<&[PodState], StepError> {
        let asked = self.asked.get_or_try_init(|| ask(self.cx, &self.p)).await?;
        Ok(asked)
    }

    /// What was said, if anybody was asked.
    #[must_use]
    pub fn known(&self) -> Option<&[PodState]> {
        self.asked.get().map(Vec::as_slice)
    }

    /// Has the kubelets bring the files of these pods up to date, for this `epoch` of `what`: at once, and, since a kubelet
    /// may have missed it, again with growing pauses. A pod that cannot be hurried gets them by itself, later.
    pub async fn hurry(&self, pods: &[&PodState], what: &str, epoch: u64) {
        let annotation = format!("{HURRIED}{what}");
        let api: Api<Pod> = Api::namespaced(self.cx.client.clone(), &self.p.namespace);
        for pod in pods {
            let before = pod.annotations.get(&annotation).map(String::as_str);
            let Some(mark) = hurried(before, epoch, self.cx.clock.now()) else {
                continue;
            };
            let annotations = BTreeMap::from([(&annotation, &mark)]);
            let body = json!({"metadata": {"annotations": annotations, "uid": pod.uid}});
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let patched = api
                .patch_metadata(&pod.name, &parameters, &Patch::Merge(&body))
                .await;
            if let Err(error) = patched {
                tracing::warn!(pod = pod.name, %error, "a pod could not be hurried");
            }
        }
    }
}

/// What a pod's annotation says after it was hurried: the epoch, and when it was for the first and for the last time, in
/// seconds since 1970. `None` while it is too soon to do it again. Pure.
fn hurried(before: Option<&str>, epoch: u64, now: DateTime<Utc>) -> Option<String> {
    let now = now.timestamp();
    let read = |text: &str| {
        let mut words = text.split(' ').map(str::parse::<i64>);
        let (of, first, last) = (words.next()?, words.next()?, words.next()?);
        let same = u64::try_from(of.ok()?).ok()? == epoch;
        same.then_some((first.ok()?, last.ok()?))
    };
    let Some((first, last)) = before.and_then(read) else {
        return Some(format!("{epoch} {now} {now}"));
    };
    let pause = AGAIN.num_seconds().max(last.saturating_sub(first));
    (now >= last.saturating_add(pause)).then(|| format!("{epoch} {first} {now}"))
}

async fn ask(cx: &Context, p: &Identity) -> Result<Vec<PodState>, StepError> {
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let list = api
        .list(&with_labels(&selector(&p.name, None)))
        .await
        .map_err(|error| {
            StepError::of_kube(&format!("pods of namespace {}", p.namespace), &error)
        })?;
    let running = list.items.into_iter().filter(|pod| !has_ended(pod));
    Ok(stream::iter(running)
        .map(|pod| async move {
            let component = pod.labels().get("app.kubernetes.io/component");
            PodState {
                name: pod.name_any(),
                uid: pod.uid(),
                annotations: pod.annotations().clone(),
                role: component.and_then(|component| Role::parse(component)),
                ready: is_ready(&pod),
                state: state(&pod).await.unwrap_or_default(),
            }
        })
        .buffered(CONCURRENCY)
        .collect()
        .await)
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    conditions
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

async fn state(pod: &Pod) -> Option<Value> {
    // Of the migration: it has no second port.
    pod.labels()
        .get("app.kubernetes.io/component")
        .and_then(|component| Role::parse(component))?;
    let ip = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    timeout(ANSWER, get(SocketAddr::new(ip, PORT)))
        .await
        .ok()?
        .inspect_err(|error| tracing::debug!(pod = pod.name_any(), %error, "a pod does not answer"))
        .ok()
}

async fn get(at: SocketAddr) -> anyhow::Result<Value> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The sender goes with it, and so the connection ends.
    let exchange = async move {
        let request = Request::get("/internal/state")
            .header(hyper::header::HOST, at.to_string())
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        let body = Limited::new(answer.into_body(), LONGEST)
            .collect()
            .await
            .map_err(anyhow::Error::from_boxed)?;
        anyhow::Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    let (answer, _) = join(exchange, connection).await;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_stays_behind_is_hurried_again_and_ever_less_often() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let mut mark: Option<String> = None;
        let mut at = Vec::new();
        for second in 0..200 {
            let now = start + TimeDelta::seconds(second);
            if let Some(next) = hurried(mark.as_deref(), 7, now) {
                at.push(second);
                mark = Some(next);
            }
        }
        assert_eq!(at, [0, 10, 20, 40, 80, 160]);
        let now = start + TimeDelta::seconds(161);
        assert!(
            hurried(mark.as_deref(), 8, now).is_some(),
            "of a later epoch"
        );
        // What a person or an older operator wrote there.
        for text in ["", "7", "seven 1 2", "-1 2 3"] {
            assert!(hurried(Some(text), 7, now).is_some(), "{text}");
        }
    }
}
