//! The ring of signing keys: one source of truth, and its projections. Pure so far: the Secret and the
//! ConfigMap are written by the controller that is built on this.
//!
//! The Secret `P-keyring` holds the ring and is mounted by nobody. The ConfigMap `P-jwks` (public keys,
//! every role) and the Secret `P-signing` (the active private key, role `web` alone) are computed
//! from it and repaired whenever they differ. A kid enters `P-jwks` before it enters `P-signing`.

mod decision;
mod projection;
mod ring;

pub use decision::{Observed, Step, decide};
pub use projection::{jwks_json, meta_json, signing_jwk};
pub use ring::{FreshKey, KeyRing, KeyState, RingError, RingKey};
