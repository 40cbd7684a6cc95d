//! What the ring holds, and the transitions that keep its invariants.

use chrono::{DateTime, Utc};
use common_auth::keys::SigningKey;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a key stands. The order is that of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyState {
    /// Made, known to nobody.
    Pending,
    /// In the key set, signs nothing yet: the next key.
    Published,
    /// In the key set and signing.
    Active,
    /// In the key set, signs no more.
    Retiring,
    /// Out of the key set; its public half stays as a tombstone.
    Retired,
    /// Out of the key set and denied.
    Revoked,
}

impl KeyState {
    /// Whether a key in this state is in the key set.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(self, Self::Published | Self::Active | Self::Retiring)
    }
}

/// One key of the ring.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RingKey {
    /// RFC 7638 thumbprint; names one key for ever.
    pub kid: String,
    /// Where it stands.
    pub state: KeyState,
    /// Public half (RFC 7517).
    pub public_jwk: Value,
    /// Private half; only until the key stops signing.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "private")]
    pub private_jwk: Option<SecretString>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it entered the key set; anew when it was found missing there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<DateTime<Utc>>,
    /// Generation of the key set that it came with: a process that uses this one, or a later one, knows it.
    #[serde(default)]
    pub published_epoch: u64,
    /// When it began to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<DateTime<Utc>>,
    /// When another one took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demoted_at: Option<DateTime<Utc>>,
    /// When no process signed with it any more: its retention counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_at: Option<DateTime<Utc>>,
    /// Seconds that the longest of its tokens may live.
    #[serde(default)]
    pub token_seconds: u64,
    /// When it left the key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<DateTime<Utc>>,
    /// Generation of the key set that it was denied with: a process that uses this one, or a later one, refuses it.
    #[serde(default)]
    pub removed_epoch: u64,
    /// Why it is where it is, if not by the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}={:?}", self.kid, self.state)
    }
}

/// A freshly generated key pair, before it enters a ring.
#[derive(Clone)]
pub struct FreshKey {
    kid: String,
    public_jwk: Value,
    private_jwk: SecretString,
}

impl FreshKey {
    /// Its name: the RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

#[cfg(test)]
impl FreshKey {
    /// One that can be told from all others and has the form of a key, made in no time. It could sign nothing.
    pub(super) fn of_test(number: u64) -> Self {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let mut modulus = number.to_be_bytes().repeat(32);
        modulus[0] |= 0x80;
        let (n, e) = (URL_SAFE_NO_PAD.encode(modulus), "AQAB");
        let kid = common_auth::keys::thumbprint(&n, e);
        let public_jwk = serde_json::json!({
            "kty": "RSA", "n": n, "e": e, "use": "sig", "alg": "RS256", "kid": kid,
        });
        let mut private = public_jwk.clone();
        private["d"] = format!("private-{number}").into();
        Self {
            kid,
            public_jwk,
            private_jwk: SecretString::from(private.to_string()),
        }
    }
}

impl From<&SigningKey> for FreshKey {
    fn from(key: &SigningKey) -> Self {
        Self {
            kid: key.kid().to_owned(),
            public_jwk: key.public_jwk(),
            private_jwk: key.private_jwk(),
        }
    }
}

/// The highest generation that is believed from outside of the ring: a number without end would leave none to go on with.
pub(super) const HIGHEST_EPOCH: u64 = 1 << 53;

/// The ring of one Platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRing {
    /// Generation of the key set; only grows.
    pub epoch: u64,
    /// Latest time that was recorded; time in the ring never runs backwards.
    pub recorded_at: DateTime<Utc>,
    /// The last `spec.signing.rotation` that was obeyed.
    #[serde(default)]
    pub rotation: u64,
    /// The keys, oldest first.
    pub keys: Vec<RingKey>,
}

/// A stored ring that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// Not JSON of the expected shape. Carries no content: the ring holds private keys.
    #[error("the stored key ring cannot be read (line {line}, column {column})")]
    Syntax {
        /// Line of the document.
        line: usize,
        /// Column of the line.
        column: usize,
    },
    /// It has not exactly one key that signs.
    #[error("the stored key ring has {0} active keys; exactly one is needed")]
    Active(usize),
    /// Two keys of one name.
    #[error("the stored key ring has key {0} twice")]
    Duplicate(String),
}

impl KeyRing {
    /// The ring of a new Platform: one key signs at once, since no cache can hold an older set, and
    /// the next is published with it.
    #[must_use]
    pub fn born(
        active: &FreshKey,
        next: &FreshKey,
        token_seconds: u64,
        now: DateTime<Utc>,
    ) -> Self {
        let published = |key, state| RingKey {
            state,
            published_at: Some(now),
            published_epoch: 1,
            ..entering(key, now)
        };
        let first = RingKey {
            activated_at: Some(now),
            token_seconds,
            ..published(active, KeyState::Active)
        };
        Self {
            epoch: 1,
            recorded_at: now,
            rotation: 0,
            keys: vec![first, published(next, KeyState::Published)],
        }
    }

    /// Reads a stored ring and checks what must always hold.
    ///
    /// # Errors
    /// When it is not a ring, or has not exactly one active key.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let ring: Self = serde_json::from_str(text).map_err(|error| RingError::Syntax {
            line: error.line(),
            column: error.column(),
        })?;
        let active = ring.in_state(KeyState::Active).count();
        if active != 1 {
            return Err(RingError::Active(active));
        }
        for (at, key) in ring.keys.iter().enumerate() {
            if ring.keys[..at].iter().any(|earlier| earlier.kid == key.kid) {
                return Err(RingError::Duplicate(key.kid.clone()));
            }
        }
        Ok(ring)
    }

    /// The document that is stored, private halves included.
    #[must_use]
    pub fn to_document(&self) -> SecretString {
        // Every value is a string, a number or a map with string keys.
        SecretString::from(serde_json::to_string(self).unwrap_or_default())
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> Option<&RingKey> {
        self.in_state(KeyState::Active).next()
    }

    /// The key that will sign next.
    #[must_use]
    pub fn next(&self) -> Option<&RingKey> {
        self.in_state(KeyState::Published).next()
    }

    /// The key that is made and not yet published.
    #[must_use]
    pub fn pending(&self) -> Option<&RingKey> {
        self.in_state(KeyState::Pending).next()
    }

    /// The key of this name.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    pub(super) fn in_state(&self, state: KeyState) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(move |key| key.state == state)
    }

    /// The latest time in the ring: it never goes back behind it, whatever a clock says.
    #[must_use]
    pub fn latest(&self) -> DateTime<Utc> {
        let quiet = self.keys.iter().filter_map(|key| key.quiet_at);
        quiet.fold(self.recorded_at, DateTime::max)
    }
}

/// A fresh key in its first state.
pub(super) fn entering(fresh: &FreshKey, now: DateTime<Utc>) -> RingKey {
    RingKey {
        private_jwk: Some(fresh.private_jwk.clone()),
        ..RingKey::known(
            fresh.kid.clone(),
            fresh.public_jwk.clone(),
            KeyState::Pending,
            now,
        )
    }
}

impl RingKey {
    /// Whether some pod may sign with it at this moment.
    pub(super) fn may_sign(&self) -> bool {
        match self.state {
            KeyState::Active => true,
            KeyState::Retiring => self.quiet_at.is_none(),
            _ => false,
        }
    }

    /// A key of which no more is known than this.
    pub(super) fn known(
        kid: String,
        public_jwk: Value,
        state: KeyState,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            kid,
            state,
            public_jwk,
            private_jwk: None,
            created_at: now,
            published_at: None,
            published_epoch: 0,
            activated_at: None,
            demoted_at: None,
            quiet_at: None,
            token_seconds: 0,
            removed_at: None,
            removed_epoch: 0,
            reason: None,
        }
    }
}

/// The private half as text, in the stored document alone.
mod private {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<SecretString>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => serializer.serialize_str(secret.expose_secret()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SecretString>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
    }
}
