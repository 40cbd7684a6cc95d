//! Why a token, a key set or a signing key is not accepted.

use std::path::PathBuf;

use crate::key_set::KeySetError;

/// A token that is not accepted. Callers answer every variant alike, 401 with one body, but for [`AuthError::Blind`], which is
/// our trouble and not the token's; the reason is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Not a token of ours before any cryptography: size, parts, header.
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    /// No key of that name, even after a refresh.
    #[error("unknown key")]
    UnknownKey,
    /// The key was revoked.
    #[error("revoked key")]
    RevokedKey,
    /// The signature or a required claim does not hold.
    #[error("invalid token: {0}")]
    Invalid(String),
    /// Expired, not yet valid, or issued in the future.
    #[error("token outside its time: {0}")]
    Time(&'static str),
    /// Its sign-in has ended.
    #[error("the sign-in has ended")]
    SignedOut,
    /// A good token, if its sign-in goes on; which ones have ended, has not been known for too long.
    #[error("it is not known which sign-ins have ended lately")]
    Blind,
}

/// A key set that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The mounted file could not be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: std::io::Error,
    },
    /// The URL brought no answer.
    #[error("cannot fetch the key set")]
    Http(#[from] common_outbound::OutboundError),
    /// The URL answered with another status than 200 or 304.
    #[error("the key set's URL answered {0}")]
    Status(u16),
    /// What was read is not an acceptable set.
    #[error(transparent)]
    Set(#[from] KeySetError),
}

/// A signing key that cannot be used. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The file could not be read.
    #[error("cannot read the signing key {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why the system refused.
        source: std::io::Error,
    },
    /// It is not a private RSA JWK with `alg` RS256 and a `kid`.
    #[error("the signing key is not usable: {0}")]
    Key(&'static str),
    /// Its kid is on the deny list.
    #[error("the signing key is revoked")]
    Revoked,
    /// The signature could not be made.
    #[error("signing failed")]
    Sign,
}
