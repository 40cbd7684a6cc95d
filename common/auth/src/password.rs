//! Password hashing: Argon2id in a bounded pool of reused memory.
//!
//! A hash needs 46 MiB; fresh memory costs more time in page faults than the hash itself, and an
//! unbounded number of logins would end the process. So each slot of the pool keeps its memory.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use common_clock::SharedIds;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 46 * 1024;
const PASSES: u32 = 1;
const LANES: u32 = 1;
const SALT: usize = 16;
const OUTPUT: usize = 32;

/// Hashing failed for a reason that is not the password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The stored hash is not an Argon2id PHC string.
    #[error("the stored password hash is not usable")]
    Stored,
    /// The pool is closed or its thread panicked.
    #[error("password hashing is not available")]
    Unavailable,
}

/// Hashes and verifies passwords, at most `slots` at a time.
#[derive(Clone)]
pub struct PasswordHasher {
    slots: Arc<Semaphore>,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    ids: SharedIds,
    /// A valid hash of nothing, so that an unknown user costs the same time.
    dummy: Arc<str>,
}

impl PasswordHasher {
    /// A pool of `slots` (at least one), each with 46 MiB once used.
    #[must_use]
    pub fn new(slots: usize, ids: SharedIds) -> Self {
        let mut salt = [0; SALT];
        ids.fill(&mut salt);
        let dummy = phc(&parameters(), &salt, &[0; OUTPUT]).unwrap_or_default();
        Self {
            slots: Arc::new(Semaphore::new(slots.max(1))),
            memory: Arc::default(),
            ids,
            dummy: dummy.into(),
        }
    }

    /// A PHC string of `password` with a fresh salt.
    ///
    /// # Errors
    /// When the pool is not available.
    pub async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        let mut salt = [0; SALT];
        self.ids.fill(&mut salt);
        let params = parameters();
        let output = self
            .derive(password, salt.to_vec(), params.clone(), OUTPUT)
            .await?;
        phc(&params, &salt, &output)
    }

    /// Whether `password` is the one behind `stored`. `None` (no such user) takes the same time and
    /// is always false.
    ///
    /// # Errors
    /// When the stored string is not a PHC string, or the pool is not available.
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<&str>,
    ) -> Result<bool, PasswordError> {
        let text = stored.unwrap_or(&self.dummy);
        let parsed = PasswordHash::new(text).map_err(|_| PasswordError::Stored)?;
        let (Some(salt), Some(expected)) = (parsed.salt, parsed.hash) else {
            return Err(PasswordError::Stored);
        };
        if parsed.algorithm.as_str() != "argon2id" {
            return Err(PasswordError::Stored);
        }
        let params = Params::try_from(&parsed).map_err(|_| PasswordError::Stored)?;
        let output = self
            .derive(password, salt.to_vec(), params, expected.len())
            .await?;
        let equal: bool =
            subtle::ConstantTimeEq::ct_eq(output.as_slice(), expected.as_bytes()).into();
        Ok(equal && stored.is_some())
    }

    async fn derive(
        &self,
        password: SecretString,
        salt: Vec<u8>,
        params: Params,
        length: usize,
    ) -> Result<Vec<u8>, PasswordError> {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Unavailable)?;
        let memory = Arc::clone(&self.memory);
        tokio::task::spawn_blocking(move || {
            let take = || memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut blocks = take().unwrap_or_default();
            blocks.resize(params.block_count(), Block::default());
            let mut output = vec![0; length];
            let derived = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into_with_memory(
                    password.expose_secret().as_bytes(),
                    &salt,
                    &mut output,
                    &mut blocks,
                );
            memory
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(blocks);
            drop(slot);
            derived
                .map(|()| output)
                .map_err(|_| PasswordError::Unavailable)
        })
        .await
        .map_err(|_| PasswordError::Unavailable)?
    }
}

#[expect(
    clippy::expect_used,
    reason = "constants within the algorithm's bounds, covered by every test"
)]
fn parameters() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT))
        .expect("46 MiB, one pass, one lane are valid")
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Result<String, PasswordError> {
    let stored = |_| PasswordError::Stored;
    let hash = PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|_| PasswordError::Stored)?,
        salt: Some(Salt::new(salt).map_err(stored)?),
        hash: Some(Output::new(output).map_err(stored)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(1, Arc::new(common_clock::SeededIds::new(1)))
    }

    #[tokio::test]
    async fn the_right_password_verifies_and_another_does_not() {
        let hasher = hasher();
        let hash = hasher
            .hash("correct horse".to_owned().into())
            .await
            .expect("hashed");
        assert!(
            hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"),
            "{hash}"
        );
        assert!(
            hasher
                .verify("correct horse".to_owned().into(), Some(&hash))
                .await
                .expect("verified")
        );
        assert!(
            !hasher
                .verify("battery".to_owned().into(), Some(&hash))
                .await
                .expect("verified")
        );
    }

    #[tokio::test]
    async fn an_unknown_user_never_verifies() {
        assert!(
            !hasher()
                .verify("anything".to_owned().into(), None)
                .await
                .expect("verified")
        );
    }

    #[tokio::test]
    async fn a_broken_stored_hash_is_an_error() {
        hasher()
            .verify("x".to_owned().into(), Some("plain"))
            .await
            .expect_err("not PHC");
    }
}
