//! The transitions of the ring: each makes the next ring of one that holds. Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ring::{FreshKey, KeyRing, KeyState, RingKey, entering};

impl KeyRing {
    /// Takes a fresh key in, known to nobody.
    #[must_use]
    pub fn with_pending(mut self, fresh: &FreshKey, now: DateTime<Utc>) -> Self {
        let now = self.advance(now);
        self.keys.push(entering(fresh, now));
        self
    }

    /// Publishes the pending key, or once more the published one: its wait for activation starts at `now`.
    #[must_use]
    pub fn with_published(mut self, now: DateTime<Utc>) -> Self {
        let now = self.advance(now);
        let epoch = self.epoch;
        let waiting =
            |key: &&mut RingKey| matches!(key.state, KeyState::Pending | KeyState::Published);
        if let Some(key) = self.keys.iter_mut().find(waiting) {
            key.state = KeyState::Published;
            key.published_at = Some(now);
            key.published_epoch = epoch;
        }
        self
    }

    /// Lets the published key sign; the one that signed only verifies from now on, and its private half is gone.
    #[must_use]
    pub fn with_activated(mut self, token_seconds: u64, rotation: u64, now: DateTime<Utc>) -> Self {
        let now = self.advance(now);
        self.rotation = self.rotation.max(rotation);
        let token_seconds = self.longest_life(token_seconds);
        for key in &mut self.keys {
            match key.state {
                KeyState::Active => key.demote(now),
                KeyState::Published => key.activate(token_seconds, now),
                _ => {}
            }
        }
        self
    }

    /// Denies a key for good, known or not. The published one takes the place of one that signed.
    #[must_use]
    pub fn with_revoked(
        mut self,
        kid: &str,
        reason: &str,
        token_seconds: u64,
        now: DateTime<Utc>,
    ) -> Self {
        let now = self.advance(now);
        let token_seconds = self.longest_life(token_seconds);
        let signed = self.active().is_some_and(|key| key.kid == kid);
        if signed && let Some(next) = self.in_state_mut(KeyState::Published) {
            next.activate(token_seconds, now);
        }
        if self.key(kid).is_none() {
            let unknown = RingKey::known(kid.to_owned(), Value::Null, KeyState::Revoked, now);
            self.keys.push(unknown);
        }
        let epoch = self.epoch;
        if let Some(key) = self.key_mut(kid) {
            key.state = KeyState::Revoked;
            key.private_jwk = None;
            key.removed_at = Some(now);
            key.removed_epoch = epoch;
            key.reason = Some(reason.to_owned());
        }
        self
    }

    /// Records that nobody signs with a retiring key any more. The key set stays as it is, and so does its generation.
    #[must_use]
    pub fn with_quiet(mut self, kid: &str, now: DateTime<Utc>) -> Self {
        let now = now.max(self.latest());
        if let Some(key) = self.key_mut(kid) {
            key.quiet_at = Some(now);
        }
        self
    }

    /// Takes a retiring key out of the key set; a tombstone stays.
    #[must_use]
    pub fn with_retired(mut self, kid: &str, now: DateTime<Utc>) -> Self {
        let now = self.advance(now);
        if let Some(key) = self.key_mut(kid) {
            key.state = KeyState::Retired;
            key.removed_at = Some(now);
        }
        self
    }

    /// Takes a tombstone out.
    #[must_use]
    pub fn without(mut self, kid: &str, now: DateTime<Utc>) -> Self {
        self.advance(now);
        self.keys.retain(|key| key.kid != kid);
        self
    }

    /// Records that tokens may live this long, of every key that some pod may sign with, before the first one does. It is a
    /// generation of its own, so that a ring from before is seen to be older.
    #[must_use]
    pub fn with_longer_tokens(mut self, token_seconds: u64, now: DateTime<Utc>) -> Self {
        self.advance(now);
        for key in self.keys.iter_mut().filter(|key| key.may_sign()) {
            key.token_seconds = key.token_seconds.max(token_seconds);
        }
        self
    }

    /// Goes on above a generation that pods have and this ring never had. The next key is published anew: who knows it
    /// cannot be told.
    #[must_use]
    pub fn with_epoch_above(mut self, seen: u64, now: DateTime<Utc>) -> Self {
        self.epoch = self.epoch.max(seen);
        self.with_published(now)
    }

    /// Moves to the next generation and gives the time to record.
    fn advance(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.epoch = self.epoch.saturating_add(1);
        self.recorded_at = self.latest().max(now);
        self.recorded_at
    }

    /// How long tokens of a key that begins to sign may live. Until every pod is replaced some go on granting what they were
    /// told before, and nobody knows when that is: so it is never less than of the key before.
    fn longest_life(&self, token_seconds: u64) -> u64 {
        let former = self.active().map_or(0, |key| key.token_seconds);
        token_seconds.max(former)
    }

    fn key_mut(&mut self, kid: &str) -> Option<&mut RingKey> {
        self.keys.iter_mut().find(|key| key.kid == kid)
    }

    fn in_state_mut(&mut self, state: KeyState) -> Option<&mut RingKey> {
        self.keys.iter_mut().find(|key| key.state == state)
    }
}

impl RingKey {
    fn activate(&mut self, token_seconds: u64, now: DateTime<Utc>) {
        self.state = KeyState::Active;
        self.activated_at = Some(now);
        self.token_seconds = self.token_seconds.max(token_seconds);
    }

    fn demote(&mut self, now: DateTime<Utc>) {
        self.state = KeyState::Retiring;
        self.demoted_at = Some(now);
        self.private_jwk = None;
    }
}
