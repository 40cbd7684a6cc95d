//! The ring of signing keys: one source of truth, and its projections. Decisions are pure; `apply.rs` acts on them.
//!
//! The Secret `P-keyring` holds the ring and is mounted by nobody. The ConfigMap `P-jwks` (public keys, every role that
//! verifies) and the Secret `P-signing` (the active private key, role `web` alone) are computed from it and repaired
//! whenever they differ. A kid enters `P-jwks` before it enters `P-signing`, and leaves it after. A ring that was lost is
//! rebuilt from what they prove of each other.
//!
//! A key is made (Pending), published, activated at its date once every Ready pod knows it, and demoted by its successor
//! (Retiring). When no pod signs with it any more, its retention begins; then it leaves the key set (Retired) and stays
//! as a tombstone. A revoked one leaves at once and is denied.

mod acks;
mod apply;
mod decision;
mod heard;
mod maker;
mod projection;
mod reconcile;
mod remains;
mod ring;
mod seal;
mod store;
mod timings;
mod transitions;
mod web_secret;

pub use acks::{Acks, PodKeys};
pub use apply::{KeysApplied, ensure_keys};
pub use decision::{
    Observed, Outlook, Revocation, Step, Wait, Wish, asks_pods, decide, is_urgent, look_again,
    outlook,
};
pub use heard::Heard;
pub use maker::Maker;
pub use projection::{jwks_json, meta_json, signing_jwk};
pub(crate) use reconcile::{Memory, reconcile_keys};
pub use remains::Remains;
pub use ring::{FreshKey, KeyRing, KeyState, RingError, RingKey};
pub use seal::seal_json;
pub use timings::Timings;
pub use web_secret::ensure_web_secret;
