//! Tokens, keys and passwords.
//!
//! The one verifier of access tokens ([`Verifier`]), used by every role; the signer, used by the
//! issuer alone; generation of signing keys for whoever holds the ring; password hashing. The only
//! crate that may name `jsonwebtoken` or `rsa`: their defaults accept too much.

mod claims;
mod config;
mod error;
mod header;
mod key_set;
pub mod keys;
mod password;
mod revocations;
mod signer;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;

pub use claims::Claims;
pub use config::{AuthConfig, SigningConfig};
pub use error::{AuthError, SignerError, SourceError};
pub use key_set::{KeySet, KeySetError};
pub use password::{PasswordError, PasswordHasher, StoredHash, UnusableHash, Verdict};
pub use revocations::{Ended, RevocationSource, Revocations, RevocationsUnread};
pub use signer::Signer;
pub use source::{FileSource, HttpSource, KeySource, Refresh};
pub use verifier::Verifier;
