//! What comes with time: activation, removal, and when the next of them is due. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{Observed, Step, Wish};
use crate::keys::{Acks, KeyRing, KeyState, RingKey, Timings};

/// When the key that signs gives its place to the next one, acknowledgements aside.
fn activation_at(ring: &KeyRing, wish: &Wish) -> Option<DateTime<Utc>> {
    let published = ring.next()?.published_at?;
    let ready = after(published, wish.timings.lead_for());
    if ring.rotation < wish.rotation {
        return Some(ready);
    }
    Some(ready.max(after(since_active(ring)?, wish.timings.period)))
}

/// A key of a rebuilt ring may not tell when it began to sign: then when it was seen first.
fn since_active(ring: &KeyRing) -> Option<DateTime<Utc>> {
    let active = ring.active()?;
    Some(active.activated_at.unwrap_or(active.created_at))
}

/// When a rotation that pods hold back goes on all the same: a tenth of a period after its date.
fn at_the_latest(due: DateTime<Utc>, timings: &Timings) -> DateTime<Utc> {
    after(due, timings.period / 10)
}

/// Lets the next key sign once its date has come, it was published long enough, and every Ready pod knows it. A pod
/// that is stuck holds that back for a while, never for ever.
pub(super) fn activation(
    ring: &KeyRing,
    wish: &Wish,
    acks: Option<&Acks>,
    now: DateTime<Utc>,
) -> Option<Step> {
    let due = activation_at(ring, wish)?;
    let known = acks?
        .behind(ring.next()?.published_epoch, ring.epoch)
        .is_empty();
    let go = now >= due && (known || now >= at_the_latest(due, &wish.timings));
    go.then_some(Step::Activate)
}

/// The one guard of every removal but a revocation: no process signs with the key, and since the last one did, every
/// token of it has ended everywhere.
pub(super) fn may_remove(key: &RingKey, timings: &Timings, now: DateTime<Utc>) -> bool {
    key.state == KeyState::Retiring
        && key
            .quiet_at
            .is_some_and(|quiet| now >= after(quiet, timings.retention_for(key.token_seconds)))
}

/// The next thing to do with a key that signs no more. Whether nobody signs with it can only be told once its successor
/// is where signers read their key.
pub(super) fn removal(
    ring: &KeyRing,
    observed: &Observed,
    wish: &Wish,
    acks: Option<&Acks>,
    now: DateTime<Utc>,
) -> Option<Step> {
    let handed_over = signing_kid(observed) == Some(ring.active()?.kid.clone());
    ring.in_state(KeyState::Retiring).find_map(|key| {
        if may_remove(key, &wish.timings, now) {
            return Some(Step::Retire(key.kid.clone()));
        }
        let silent = acks.is_some_and(|acks| acks.signing_with(&key.kid).is_empty());
        let quiet = key.quiet_at.is_none() && handed_over && silent;
        quiet.then(|| Step::Quiet(key.kid.clone()))
    })
}

/// The kid in `P-signing`, as it was read.
fn signing_kid(observed: &Observed) -> Option<String> {
    let text = observed.signing.as_ref()?.expose_secret();
    let jwk: Value = serde_json::from_str(text).ok()?;
    jwk["kid"].as_str().map(str::to_owned)
}

/// What a ring waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// For pods to use the generation of the key set that has the next key.
    Known(Vec<String>),
    /// For pods to stop signing with the key.
    Quiet(Vec<String>),
}

impl Wait {
    /// The names of the pods.
    #[must_use]
    pub fn pods(&self) -> &[String] {
        let (Self::Known(pods) | Self::Quiet(pods)) = self;
        pods
    }
}

/// What comes next, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// When the next key begins to sign.
    pub rotation: Option<DateTime<Utc>>,
    /// When the ring has to be looked at again; `None` when only an event changes it.
    pub look: Option<DateTime<Utc>>,
    /// What is waited for longer than it should take.
    pub stuck: Option<Wait>,
    /// Whether the rotation is more than a tenth of a period behind its date.
    pub overdue: bool,
}

/// What comes next for a ring that holds.
#[must_use]
pub fn outlook(ring: &KeyRing, wish: &Wish, acks: Option<&Acks>, now: DateTime<Utc>) -> Outlook {
    let now = now.max(ring.latest());
    let timings = &wish.timings;
    let rotation = activation_at(ring, wish);
    let mut looks: Vec<DateTime<Utc>> = rotation
        .map(|due| if now < due { due } else { look_again(due, now) })
        .into_iter()
        .collect();
    let mut stuck = None;
    if let Some((due, next)) = rotation.zip(ring.next()) {
        let behind = acks.map_or_else(Vec::new, |acks| {
            owned(acks.behind(next.published_epoch, ring.epoch))
        });
        if now >= after(due, timings.stuck_after()) && !behind.is_empty() {
            stuck = Some(Wait::Known(behind));
        }
    }
    for key in ring.in_state(KeyState::Retiring) {
        match (key.quiet_at, key.demoted_at) {
            (Some(quiet), _) => looks.push(after(quiet, timings.retention_for(key.token_seconds))),
            (None, demoted) => {
                looks.push(look_again(demoted.unwrap_or(key.created_at), now));
                let late = demoted.is_some_and(|at| now >= after(at, timings.stuck_after()));
                if let Some(acks) = acks.filter(|_| late && stuck.is_none()) {
                    stuck = Some(Wait::Quiet(owned(acks.signing_with(&key.kid))));
                }
            }
        }
    }
    Outlook {
        rotation,
        look: looks.into_iter().min(),
        stuck,
        overdue: since_active(ring).is_some_and(|at| now > after(at, timings.overdue_after())),
    }
}

/// When to look again at what is waited for since a time: soon at first, then ever less often.
#[must_use]
pub fn look_again(since: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let tenth = (now - since) / 10;
    now + tenth.clamp(TimeDelta::seconds(2), TimeDelta::minutes(1))
}

/// Whether the pods have to be asked: something waits for them.
#[must_use]
pub fn asks_pods(ring: &KeyRing, wish: &Wish, now: DateTime<Utc>) -> bool {
    let now = now.max(ring.latest());
    let settles = after(ring.recorded_at, wish.timings.stuck_after());
    let due = activation_at(ring, wish).is_some_and(|due| now >= due);
    let loud = ring
        .in_state(KeyState::Retiring)
        .any(|key| key.quiet_at.is_none());
    // A set that has just changed is brought into the pods at once, not when their kubelet comes to it.
    due || loud || now < settles
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn after(at: DateTime<Utc>, delta: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(delta)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
