//! The one verifier of access tokens.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::SharedClock;
use jsonwebtoken::{Algorithm, decode};
use moka::future::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::header::kid_of;
use crate::source::{KeySource, Refresh};
use crate::{AuthError, Claims, KeySet, Revocations, SourceError};

/// Tolerance between two clocks, in seconds, unless another one is given.
const SKEW: u32 = 60;
/// Verified tokens that are remembered.
const TOKENS: u64 = 20_000;
/// Unknown kids that are remembered, and for how long.
const UNKNOWN: u64 = 4_096;
const UNKNOWN_LIFE: Duration = Duration::from_mins(1);
/// Longest wait of a request for a refresh of the keys.
const WAIT: Duration = Duration::from_millis(250);

/// Gauge: when the key set in use was made, in seconds since 1970, where its source says so. It moves with each rotation,
/// and tells of one that is late without the operator, which may be what is missing.
const DATA_TIMESTAMP: &str = "jwks_data_timestamp_seconds";

/// Verifies access tokens of one issuer for one audience.
///
/// Remembers tokens that it verified; the memory is emptied when the key set changes, so that a
/// revocation reaches it with the set. Whether a sign-in has ended is asked anew for each use.
pub struct Verifier {
    source: Box<dyn KeySource>,
    clock: SharedClock,
    issuer: String,
    audience: String,
    skew: i64,
    state: RwLock<State>,
    refreshing: Mutex<()>,
    verified: Cache<[u8; 32], Arc<Claims>>,
    unknown: Cache<String, ()>,
    revocations: OnceLock<Arc<Revocations>>,
}

struct State {
    set: Arc<KeySet>,
    /// Last look at the source, successful or not.
    looked: DateTime<Utc>,
    /// Last successful look.
    good: DateTime<Utc>,
}

impl Verifier {
    /// A verifier with the keys of `source`, which must answer now.
    ///
    /// # Errors
    /// When the source has no acceptable set: a process without keys must not become ready.
    pub async fn new(
        source: impl KeySource,
        issuer: impl Into<String>,
        audience: impl Into<String>,
        clock: SharedClock,
    ) -> Result<Self, SourceError> {
        let set = match source.refresh().await? {
            Refresh::Changed(set) => Arc::new(set),
            Refresh::Unchanged => return Err(SourceError::Set(crate::KeySetError::Empty)),
        };
        measure(&set);
        let now = clock.now();
        Ok(Self {
            source: Box::new(source),
            clock,
            issuer: issuer.into(),
            audience: audience.into(),
            skew: SKEW.into(),
            state: RwLock::new(State {
                set,
                looked: now,
                good: now,
            }),
            refreshing: Mutex::new(()),
            verified: Cache::new(TOKENS),
            unknown: Cache::builder()
                .max_capacity(UNKNOWN)
                .time_to_live(UNKNOWN_LIFE)
                .build(),
            revocations: OnceLock::new(),
        })
    }

    /// With another tolerance between the issuer's clock and this one than 60 s.
    #[must_use]
    pub fn with_skew(mut self, seconds: u32) -> Self {
        self.skew = seconds.into();
        self
    }

    /// Refuses tokens of ended sign-ins from now on; whoever is told a second time stays with the first. Without it a token is
    /// good until its own end, which suits those who only look at one.
    pub fn heed(&self, revocations: Arc<Revocations>) {
        let _ = self.revocations.set(revocations);
    }

    /// The key set in use.
    #[must_use]
    pub fn key_set(&self) -> Arc<KeySet> {
        Arc::clone(
            &self
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .set,
        )
    }

    /// The claims of `token`, if it is one of ours and valid now.
    ///
    /// # Errors
    /// Any reason not to accept it; callers answer all of them alike.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, AuthError> {
        let now = self.clock.now();
        self.look_if_due(now).await;
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.get(&digest).await {
            return self.admit(claims, now);
        }
        let kid = kid_of(token)?;
        let set = self.set_with(&kid, now).await?;
        let key = set.find(&kid).ok_or(AuthError::UnknownKey)?;
        let claims = decode::<Claims>(token, key, &self.validation())
            .map_err(|error| AuthError::Invalid(error.to_string()))?
            .claims;
        let claims = self.admit(Arc::new(claims), now)?;
        // A set that changed meanwhile has emptied the memory; what it replaced must not return.
        if Arc::ptr_eq(&set, &self.key_set()) {
            self.verified.insert(digest, Arc::clone(&claims)).await;
        }
        Ok(claims)
    }

    /// Looks at the source now and then until `stop`, so that a set does not grow old unnoticed.
    pub async fn follow(&self, every: Duration, stop: CancellationToken) {
        let mut tick = tokio::time::interval(every);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => self.refresh(self.clock.now()).await,
            }
        }
    }

    /// The set that holds `kid`, after a bounded refresh when it is not known yet.
    async fn set_with(&self, kid: &str, now: DateTime<Utc>) -> Result<Arc<KeySet>, AuthError> {
        let set = self.usable(now)?;
        if set.is_denied(kid) {
            return Err(AuthError::RevokedKey);
        }
        if set.find(kid).is_some() {
            return Ok(set);
        }
        if self.unknown.contains_key(kid) {
            return Err(AuthError::UnknownKey);
        }
        let _ = tokio::time::timeout(WAIT, self.refresh(now)).await;
        let set = self.usable(now)?;
        if set.is_denied(kid) {
            return Err(AuthError::RevokedKey);
        }
        if set.find(kid).is_none() {
            self.unknown.insert(kid.to_owned(), ()).await;
            return Err(AuthError::UnknownKey);
        }
        Ok(set)
    }

    /// The set, unless its source has been silent for its hard life.
    fn usable(&self, now: DateTime<Utc>) -> Result<Arc<KeySet>, AuthError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let age = (now - state.good).to_std().unwrap_or_default();
        if self.source.hard_life().is_some_and(|life| age > life) {
            return Err(AuthError::UnknownKey);
        }
        Ok(Arc::clone(&state.set))
    }

    /// A cheap source (a mounted file) is looked at on the way, at most once per pause.
    async fn look_if_due(&self, now: DateTime<Utc>) {
        if self.source.hard_life().is_none() {
            self.refresh(now).await;
        }
    }

    /// One look at the source, at most once per pause; concurrent callers wait for the one that looks.
    async fn refresh(&self, now: DateTime<Utc>) {
        let due = |state: &State| {
            let pause = TimeDelta::from_std(self.source.pause()).unwrap_or(TimeDelta::zero());
            now - state.looked >= pause
        };
        if !due(&self.state.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let _one = self.refreshing.lock().await;
        if !due(&self.state.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let outcome = self.source.refresh().await;
        let changed = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.looked = now;
            match outcome {
                Ok(Refresh::Unchanged) => {
                    state.good = now;
                    false
                }
                Ok(Refresh::Changed(set)) => {
                    state.good = now;
                    tracing::info!(jwks.epoch = set.epoch(), kids = ?set.kids(), "key set replaced");
                    measure(&set);
                    state.set = Arc::new(set);
                    true
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "key set not refreshed, the last good one stays"
                    );
                    false
                }
            }
        };
        if changed {
            self.verified.invalidate_all();
            self.unknown.invalidate_all();
        }
    }

    /// Issuer, audience, required claims and their types. Times are checked against our own clock.
    #[expect(clippy::disallowed_types, reason = "the one place that may set it up")]
    fn validation(&self) -> jsonwebtoken::Validation {
        let mut validation = jsonwebtoken::Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub", "nbf"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    /// What changes with time: a token that was remembered passes here too.
    fn admit(&self, claims: Arc<Claims>, at: DateTime<Utc>) -> Result<Arc<Claims>, AuthError> {
        let now = at.timestamp();
        if claims.exp.saturating_add(self.skew) <= now {
            return Err(AuthError::Time("expired"));
        }
        if claims.nbf.saturating_sub(self.skew) > now {
            return Err(AuthError::Time("not valid yet"));
        }
        if claims.iat.saturating_sub(self.skew) > now {
            return Err(AuthError::Time("issued in the future"));
        }
        if let Some(revocations) = self.revocations.get() {
            revocations.admit(claims.sid, at)?;
        }
        Ok(claims)
    }
}

/// Tells how old the set is.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(set: &KeySet) {
    if let Some(at) = set.data_timestamp() {
        metrics::gauge!(DATA_TIMESTAMP).set(at.timestamp() as f64);
    }
}
