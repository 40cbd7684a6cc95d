//! Identifiers and random bytes.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use crate::clock::{Clock as _, SystemClock};

/// A source of identifiers and random bytes.
pub trait Ids: Send + Sync + 'static {
    /// Fills `buffer` with random bytes fit for secrets.
    fn fill(&self, buffer: &mut [u8]);

    /// A UUID of version 7 (RFC 9562): later ones sort after earlier ones.
    fn uuid(&self) -> Uuid;

    /// `bytes` random bytes as base64url without padding (RFC 4648 §5).
    fn token(&self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        self.fill(&mut buffer);
        URL_SAFE_NO_PAD.encode(buffer)
    }
}

/// A source that many parts hold.
pub type SharedIds = Arc<dyn Ids>;

/// The operating system's random source and the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the random source"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }

    fn uuid(&self) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(SystemClock.now().timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// A reproducible sequence for tests: the same seed gives the same identifiers.
#[derive(Debug)]
pub struct SeededIds {
    state: Mutex<(StdRng, u64)>,
}

impl SeededIds {
    /// A sequence that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new((StdRng::seed_from_u64(seed), 0)),
        }
    }
}

impl Ids for SeededIds {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.fill_bytes(buffer);
    }

    fn uuid(&self) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000 + state.1, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_ids_are_version_seven_and_distinct() {
        let (first, second) = (SystemIds.uuid(), SystemIds.uuid());
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(first, second);
    }

    #[test]
    fn seeded_ids_repeat_and_sort() {
        let (left, right) = (SeededIds::new(7), SeededIds::new(7));
        let drawn = [left.uuid(), left.uuid(), left.uuid()];
        assert_eq!(drawn, [right.uuid(), right.uuid(), right.uuid()]);
        assert!(drawn.is_sorted());
    }

    #[test]
    fn token_has_the_length_of_its_bytes() {
        assert_eq!(SystemIds.token(32).len(), 43);
    }
}
