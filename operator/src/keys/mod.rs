//! The ring of signing keys: one source of truth, and its projections. Decisions are pure;
//! `apply.rs` reads and writes.
//!
//! The Secret `P-keyring` holds the ring and is mounted by nobody. The ConfigMap `P-jwks` (public keys,
//! every role) and the Secret `P-signing` (the active private key, role `web` alone) are computed
//! from it and repaired whenever they differ. A kid enters `P-jwks` before it enters `P-signing`.

mod apply;
mod decision;
mod projection;
mod remains;
mod ring;
mod web_secret;

pub use apply::{KeysApplied, ensure_keys};
pub use decision::{Observed, Step, decide};
pub use projection::{jwks_json, meta_json, signing_jwk};
pub use remains::Remains;
pub use ring::{FreshKey, KeyRing, KeyState, RingError, RingKey};
pub use web_secret::ensure_web_secret;
