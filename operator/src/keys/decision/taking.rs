//! Doing a step: whether it may be done at this moment, what it takes, and the ring after it. Pure.

use chrono::{DateTime, Utc};

use super::{Step, Wish};
use crate::keys::{FreshKey, KeyRing};

impl Step {
    /// Whether it may be done now. What follows from a time, or begins a wait, is not done while two clocks differ; nothing
    /// is done in a pause, but that what was lost is put back, so that a key can be denied. What is `urgent`, since a key is
    /// to be denied, waits for neither.
    #[must_use]
    pub fn may_be_done(&self, urgent: bool, clocks_differ: bool, paused: bool) -> bool {
        let timed = matches!(
            self,
            Self::Publish
                | Self::Overtake(_)
                | Self::Quiet(_)
                | Self::Retire(_)
                | Self::Activate
                | Self::Forget(_)
        );
        let mends = matches!(self, Self::Adopt(_) | Self::Renew(_) | Self::PublishAgain);
        urgent || !((timed && clocks_differ) || (paused && !mends))
    }

    /// How many new key pairs it takes.
    #[must_use]
    pub fn new_keys(&self) -> usize {
        match self {
            Self::Birth | Self::Renew(_) => 2,
            Self::Make => 1,
            _ => 0,
        }
    }

    /// The ring after it, with as many `fresh` keys as it takes; `None` when there is nothing to do.
    #[must_use]
    pub fn taken(
        &self,
        wish: &Wish,
        ring: Option<&KeyRing>,
        fresh: &[FreshKey],
        now: DateTime<Utc>,
    ) -> Option<KeyRing> {
        let token = wish.timings.token_seconds();
        let next = match (self, fresh, ring.cloned()) {
            (Self::Birth, [active, next], _) => KeyRing::born(active, next, token, now),
            (Self::Renew(remains), [active, next], _) => {
                remains.clone().with_fresh(active, next, now)
            }
            (Self::Adopt(ring), ..) => (**ring).clone(),
            (Self::Lengthen, _, Some(ring)) => ring.with_longer_tokens(token, now),
            (Self::Revoke(revocation), _, Some(ring)) => {
                ring.with_revoked(&revocation.kid, &revocation.reason, token, now)
            }
            (Self::Make, [next], Some(ring)) => ring.with_pending(next, now),
            (Self::Publish | Self::PublishAgain, _, Some(ring)) => ring.with_published(now),
            (Self::Overtake(seen), _, Some(ring)) => ring.with_epoch_above(*seen, now),
            (Self::Quiet(kid), _, Some(ring)) => ring.with_quiet(kid, now),
            (Self::Retire(kid), _, Some(ring)) => ring.with_retired(kid, now),
            (Self::Activate, _, Some(ring)) => ring.with_activated(token, wish.rotation, now),
            (Self::Forget(kid), _, Some(ring)) => ring.without(kid, now),
            // Every step but the first three is decided for a ring alone.
            (Self::Keep | Self::Birth | Self::Renew(_) | Self::Make, ..) | (_, _, None) => {
                return None;
            }
        };
        // A wish from before the ring is no wish to change it.
        let newborn = matches!(self, Self::Birth | Self::Adopt(_) | Self::Renew(_));
        Some(KeyRing {
            rotation: if newborn {
                wish.rotation
            } else {
                next.rotation
            },
            ..next
        })
    }
}
