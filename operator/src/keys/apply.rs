//! One pass over the keys: look, decide, change, project, until there is nothing left to do now.

use chrono::{DateTime, TimeDelta, Utc};
use common_auth::keys::{BITS, SigningKey};
use crds::{Reason, SigningKeyStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Acks, FreshKey, Heard, KeyRing, KeyState, Outlook, RingKey, Step, Wait, Wish, asks_pods,
    decide, is_urgent, look_again, maker::Turn, outlook, store::KeyStore,
};
use crate::platform::{Context, PodState, States, StepError, validate::Identity};

/// Changes of one pass at most. The longest chain is shorter: a key is made, published, activated, and one retires.
const STEPS: usize = 8;

/// How the keys stand after a pass.
#[derive(Debug)]
pub struct KeysApplied {
    /// Generation of the key set.
    pub epoch: u64,
    /// Keys that are not yet tombstones, oldest first.
    pub keys: Vec<SigningKeyStatus>,
    /// When the next key begins to sign.
    pub rotation: Option<DateTime<Utc>>,
    /// When to look again, if something waits for a time or for pods.
    pub look: Option<DateTime<Utc>>,
    /// Pods that hold a rotation back.
    pub stuck: usize,
    /// What takes longer than it should. The keys that are there go on working.
    pub trouble: Option<StepError>,
}

/// Makes the ring and what is computed from it true, and moves it on by as many steps as are due. Two operators at once
/// cannot make two rings: each step is one compare-and-swap, and what is projected is what was written. What the pods say is
/// noted in `heard`.
///
/// # Errors
/// What the API server says; a lost race is transient.
pub async fn ensure_keys(
    cx: &Context,
    p: &Identity,
    wish: &Wish,
    states: &States<'_>,
    heard: &mut Heard,
) -> Result<KeysApplied, StepError> {
    let mut store = KeyStore::read(cx, p).await?;
    let acks = match &store.observed.ring {
        Some(ring) if asks_pods(ring, wish, cx.server_now()) || denies_in_vain(ring, heard) => {
            Some(Acks::of(states.get().await?))
        }
        _ => None,
    };
    let (mut changed, mut queues) = (false, false);
    let mut overtaken = None;
    for _ in 0..STEPS {
        let now = cx.server_now();
        let step = decide(&store.observed, wish, acks.as_ref(), now);
        let urgent = store
            .observed
            .ring
            .as_ref()
            .is_some_and(|ring| is_urgent(ring, wish));
        if !step.may_be_done(urgent, cx.server_clock.skew().is_some(), wish.paused) {
            break;
        }
        if let Step::Overtake(seen) = step {
            overtaken = Some(seen);
        }
        let mut fresh = Vec::new();
        let count = step.new_keys();
        if count > 0 {
            let turn = if urgent {
                cx.maker.urgently().await
            } else {
                cx.maker.turn(&p.reference())
            };
            let Some(turn) = turn else {
                queues = true;
                break;
            };
            fresh = make(cx, turn, count).await?;
        }
        // Read after that: what a key has to wait for begins when it is there.
        let now = cx.server_now();
        let Some(ring) = step.taken(wish, store.observed.ring.as_ref(), &fresh, now) else {
            break;
        };
        store.swap(ring).await?;
        changed = true;
        store.project().await?;
    }
    // Somebody may have edited a projection. But of a ring that still has to give way nothing is published.
    if !changed && !queues {
        store.project().await?;
    }
    let Some(ring) = &store.observed.ring else {
        if queues {
            let words = "signing keys of other Platforms are made first";
            return Err(StepError::told(Reason::Progressing, words));
        }
        if wish.paused {
            let words =
                "there are no signing keys yet, and none are made while spec.suspend is set";
            return Err(StepError::waiting(Reason::Suspended, words));
        }
        return Err(StepError::transient(
            Reason::SigningKeyInvalid,
            "the key ring vanished while it was read",
        ));
    };
    // Also those that were not asked before: what was just changed is not to wait for the rest of this pass.
    let mut told = None;
    if acks.is_some() || changed {
        let pods = states.get().await?;
        let acks = told.insert(Acks::of(pods));
        heard.note(acks, ring.epoch);
        let behind: Vec<&str> = acks.not_at(ring.epoch);
        let is_behind = |pod: &&PodState| behind.contains(&pod.name.as_str());
        let pods: Vec<&PodState> = pods.iter().filter(is_behind).collect();
        states.hurry(&pods, "keys", ring.epoch).await;
    }
    let skew = cx.server_clock.skew();
    let now = cx.server_now();
    let ahead = outlook(ring, wish, acks.as_ref(), now);
    let denied = denies_in_vain(ring, heard);
    let deaf = if denied { heard.behind() } else { Vec::new() };
    let soon = denied.then(|| look_again(ring.recorded_at, now));
    Ok(KeysApplied {
        epoch: ring.epoch,
        keys: views(ring, told.as_ref()),
        rotation: ahead.rotation,
        // With clocks that differ nothing is done by one of them, but that a key is denied.
        look: ahead
            .look
            .filter(|_| skew.is_none())
            .into_iter()
            .chain(soon)
            .min(),
        stuck: ahead
            .stuck
            .as_ref()
            .map_or(0, |wait| wait.pods().len())
            .max(deaf.len()),
        trouble: unheard(&deaf)
            .or_else(|| overtaken.map(restored))
            .or_else(|| trouble(&ahead, skew)),
    })
}

/// Key pairs, made where it blocks nobody. The turn goes along: a pass that is cut off does not end what it has begun.
async fn make(cx: &Context, turn: Turn, count: usize) -> Result<Vec<FreshKey>, StepError> {
    let ids = cx.ids.clone();
    let making = move || {
        let _turn = turn;
        let made = (0..count).map(|_| SigningKey::generate(BITS, ids.as_ref()));
        made.map(|key| key.map(|key| FreshKey::from(&key)))
            .collect::<Result<Vec<_>, _>>()
    };
    let made = tokio::task::spawn_blocking(making).await;
    let wrong = |words: String| StepError::transient(Reason::SigningKeyInvalid, words);
    match made {
        Ok(Ok(keys)) => Ok(keys),
        Ok(Err(error)) => Err(wrong(error.to_string())),
        Err(_) => Err(wrong("making a key was cut off".to_owned())),
    }
}

/// Whether a key is denied, and some pod has not told yet that it knows.
fn denies_in_vain(ring: &KeyRing, heard: &Heard) -> bool {
    ring.in_state(KeyState::Revoked).next().is_some() && !heard.by_all(ring.epoch)
}

/// The pods that may go on taking tokens of a key that is denied.
fn unheard(pods: &[String]) -> Option<StepError> {
    (!pods.is_empty()).then(|| {
        StepError::waiting(
            Reason::KeyPropagation,
            format!(
                "pods that do not use the newest key set, and may still accept a revoked key: {}. They are told again and \
                 again; check that the operator reaches their port 9000, and their kubelet the API server; deleting such a \
                 pod helps",
                pods.join(", ")
            ),
        )
    })
}

/// A ring that pods were ahead of: told once, since it goes on above what they had.
fn restored(seen: u64) -> StepError {
    StepError::waiting(
        Reason::KeyPropagation,
        format!(
            "pods used generation {seen} of the key set, which the ring had not come to: it was restored from a backup, or \
             somebody wrote the key set. The ring goes on above that, and the next key waits its whole time anew; tokens of \
             keys that only a later ring had are refused, and sessions go on with new ones"
        ),
    )
}

/// What a person should know of, worst first.
fn trouble(ahead: &Outlook, skew: Option<TimeDelta>) -> Option<StepError> {
    if let Some(skew) = skew {
        return Some(StepError::waiting(
            Reason::ClockSkew,
            format!(
                "the API server's clock differs from the operator's by {} s; keys are not rotated until both agree: \
                 check the clocks of the nodes",
                skew.num_seconds()
            ),
        ));
    }
    let date = ahead
        .rotation
        .map_or_else(String::new, |at| at.to_rfc3339());
    if ahead.overdue {
        return Some(StepError::waiting(
            Reason::RotationOverdue,
            format!("the next signing key should have taken over long ago; it does at {date}"),
        ));
    }
    let wait = ahead.stuck.as_ref()?;
    let words = match wait {
        Wait::Known(_) => "do not use the newest key set",
        Wait::Quiet(_) => "may still sign with the former key",
    };
    Some(StepError::waiting(
        Reason::KeyPropagation,
        format!(
            "pods that {words}: {}. Check that the operator reaches their port 9000, and their kubelet the API server; \
             deleting such a pod helps",
            wait.pods().join(", ")
        ),
    ))
}

/// The keys that are not yet tombstones, and who has followed what became of them, where the pods were asked.
fn views(ring: &KeyRing, acks: Option<&Acks>) -> Vec<SigningKeyStatus> {
    let time =
        |at: DateTime<Utc>| Time(jiff::Timestamp::from_second(at.timestamp()).unwrap_or_default());
    let view = |key: &RingKey| SigningKeyStatus {
        kid: key.kid.clone(),
        phase: format!("{:?}", key.state),
        published_at: key.published_at.map(time),
        activated_at: key.activated_at.map(time),
        quiet_at: key.quiet_at.map(time),
        acknowledged: acks.and_then(|acks| acks.acknowledged(key, ring.epoch)),
        reason: key.reason.clone(),
    };
    let alive = ring.keys.iter();
    let alive = alive.filter(|key| key.state != KeyState::Retired);
    alive.map(view).collect()
}
