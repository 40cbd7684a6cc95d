//! Password hashing: Argon2id in a bounded pool of reused memory, and the hashes of a former system until their people have
//! signed in once.

mod argon;
mod django;
mod pool;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use common_clock::SharedIds;
use secrecy::{ExposeSecret as _, SecretString};

use argon::Argon;
use pool::Pool;
pub use stored::{StoredHash, UnusableHash};

const SALT: usize = 16;
/// Longest wait for a slot: a request has 20 seconds, and may need two slots.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashing failed for a reason that is not the password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The stored hash cannot be verified.
    #[error("the stored password hash is not usable: {0}")]
    Stored(#[from] UnusableHash),
    /// As many passwords wait as may, or this one has waited for as long as it may; the caller may try again in some seconds.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// The pool is closed or its thread panicked.
    #[error("password hashing is not available")]
    Unavailable,
}

/// What a stored hash says of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password, or nobody's.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and the hash is of another system or of former parameters: the password is to be hashed anew.
    Outdated,
}

/// Hashes and verifies passwords, so many at a time, while a bounded number waits.
#[derive(Clone)]
pub struct PasswordHasher {
    pool: Arc<Pool>,
    ids: SharedIds,
    /// A hash that no password has, so that an unknown user costs the same time.
    dummy: StoredHash,
}

impl PasswordHasher {
    /// A pool of `slots` (at least one), each with 46 MiB once used; for each, 64 callers may wait, five seconds at most.
    #[must_use]
    pub fn new(slots: usize, ids: SharedIds) -> Self {
        Self::with(slots, PATIENCE, ids)
    }

    fn with(slots: usize, patience: Duration, ids: SharedIds) -> Self {
        let mut salt = [0; SALT];
        ids.fill(&mut salt);
        Self {
            pool: Arc::new(Pool::new(slots, patience)),
            ids,
            dummy: StoredHash::of_nothing(&salt),
        }
    }

    /// A PHC string of `password` with a fresh salt.
    ///
    /// # Errors
    /// When too many wait, or the pool is not available.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let mut salt = [0; SALT];
        self.ids.fill(&mut salt);
        let made = self
            .pool
            .run(move |memory| Argon::of(password.expose_secret().as_bytes(), &salt, memory))
            .await?;
        made.and_then(|argon| argon.text())
            .ok_or(PasswordError::Unavailable)
    }

    /// Whether `password` is the one behind `stored`, a text that [`StoredHash::parse`] takes. `None` (no such user) and a
    /// hash that says that there is no password take the time of one of ours and are always [`Verdict::Wrong`].
    ///
    /// # Errors
    /// When the stored text is no such hash, too many wait, or the pool is not available.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<&str>,
    ) -> Result<Verdict, PasswordError> {
        let stored = stored.map(StoredHash::parse).transpose()?;
        let usable = stored.filter(StoredHash::is_usable);
        let somebody = usable.is_some();
        let hash = usable.unwrap_or_else(|| self.dummy.clone());
        let current = hash.is_current();
        let fits = self
            .pool
            .run(move |memory| hash.fits(password.expose_secret().as_bytes(), memory))
            .await?;
        Ok(match (fits && somebody, current) {
            (false, _) => Verdict::Wrong,
            (true, true) => Verdict::Right,
            (true, false) => Verdict::Outdated,
        })
    }
}

#[cfg(feature = "testing")]
impl PasswordHasher {
    /// One with a slot for which nobody waits too long, however slow the machine is.
    #[must_use]
    pub fn patient(ids: SharedIds) -> Self {
        Self::with(1, Duration::from_mins(10), ids)
    }

    /// Takes a slot, as a password does while it is hashed, until what this gives is dropped.
    ///
    /// # Errors
    /// When too many wait, or the pool is not available.
    pub async fn occupy(&self) -> Result<impl Send + use<>, PasswordError> {
        self.pool.slot().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(1, Arc::new(common_clock::SeededIds::new(1)))
    }

    async fn verdict(password: &str, stored: Option<&str>) -> Verdict {
        let verdict = hasher().verify(password.to_owned().into(), stored).await;
        verdict.expect("a verdict")
    }

    #[tokio::test]
    async fn the_right_password_verifies_and_another_does_not() {
        let hash = hasher().hash("correct horse".to_owned().into()).await;
        let hash = hash.expect("hashed");
        assert!(
            hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"),
            "{hash}"
        );
        assert_eq!(verdict("correct horse", Some(&hash)).await, Verdict::Right);
        assert_eq!(verdict("battery", Some(&hash)).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn nobody_and_no_password_never_verify() {
        for stored in [None, Some("!"), Some("!wIRFyww1rRP87dra7F7N")] {
            for password in ["", "anything", "!", "!wIRFyww1rRP87dra7F7N"] {
                assert_eq!(verdict(password, stored).await, Verdict::Wrong);
            }
        }
    }

    #[tokio::test]
    async fn the_right_password_of_a_former_hash_is_to_be_hashed_anew() {
        let former = "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=";
        assert_eq!(verdict("lètmein", Some(former)).await, Verdict::Outdated);
        assert_eq!(verdict("lètmeinz", Some(former)).await, Verdict::Wrong);
        let weaker = "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q";
        assert_eq!(verdict("secret", Some(weaker)).await, Verdict::Outdated);
    }

    #[tokio::test]
    async fn a_broken_stored_hash_is_an_error() {
        let broken = hasher().verify("x".to_owned().into(), Some("plain")).await;
        assert!(
            matches!(broken, Err(PasswordError::Stored(_))),
            "{broken:?}"
        );
    }
}
