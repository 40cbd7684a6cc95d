//! What an access token says.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Claims of an access token (RFC 9068). Times are seconds since 1970.
///
/// No field is optional: a claim that is absent or of another JSON type fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: the public URL of the platform.
    pub iss: String,
    /// Whom the token is for.
    pub aud: Vec<String>,
    /// The user.
    pub sub: Uuid,
    /// End of its life.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Not valid before.
    pub nbf: i64,
    /// Identifier of the token.
    pub jti: Uuid,
    /// The sign-in session (family of refresh tokens) it belongs to.
    pub sid: Uuid,
    /// Whether the user is an administrator of the platform.
    pub adm: bool,
}
