//! Checks before any cryptography (RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::AuthError;

/// Longest token, in bytes.
const TOKEN: usize = 4096;
/// Longest decoded header, in bytes.
const HEADER: usize = 512;
/// Length of a kid: an RFC 7638 thumbprint with SHA-256.
const KID: usize = 43;

/// The header of a token of ours: these three members, once each, and no other. Members that point
/// to a key (jku, x5u, x5c, jwk) or change the meaning (crit, b64, zip) are unknown and so refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The kid of `token`, if its shape and header are ours.
pub(crate) fn kid_of(token: &str) -> Result<String, AuthError> {
    if token.len() > TOKEN {
        return Err(AuthError::Malformed("longer than 4096 bytes"));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(AuthError::Malformed("not three parts"));
    };
    let header = URL_SAFE_NO_PAD
        .decode(header)
        .map_err(|_| AuthError::Malformed("header is not base64url"))?;
    if header.len() > HEADER {
        return Err(AuthError::Malformed("header longer than 512 bytes"));
    }
    let header: Header = serde_json::from_slice(&header)
        .map_err(|_| AuthError::Malformed("header is not exactly alg, typ, kid"))?;
    if header.alg != "RS256" {
        return Err(AuthError::Malformed("alg is not RS256"));
    }
    if header.typ != "at+jwt" {
        return Err(AuthError::Malformed("typ is not at+jwt"));
    }
    if !is_kid(&header.kid) {
        return Err(AuthError::Malformed("kid is not a thumbprint"));
    }
    Ok(header.kid)
}

/// Whether `kid` has the shape of a thumbprint. It is a map key, never a path or a query.
pub(crate) fn is_kid(kid: &str) -> bool {
    kid.len() == KID
        && kid
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
