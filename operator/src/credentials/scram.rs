//! The SCRAM-SHA-256 verifier that PostgreSQL keeps (RFC 5803), made here so that no clear password is in a statement,
//! which may be logged.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use common_clock::Ids;
use secrecy::{ExposeSecret as _, SecretString};

/// PostgreSQL's own default. Passwords here are random, not chosen.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not 0");

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` for a password of printable ASCII.
pub(crate) fn verifier(password: &SecretString, ids: &dyn Ids) -> SecretString {
    let mut salt = [0; 16];
    ids.fill(&mut salt);
    with_salt(password, &salt)
}

fn with_salt(password: &SecretString, salt: &[u8]) -> SecretString {
    let mut salted = [0; 32];
    let secret = password.expose_secret().as_bytes();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        ITERATIONS,
        salt,
        secret,
        &mut salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    SecretString::from(format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        encode(salt),
        encode(stored.as_ref()),
        encode(server.as_ref())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Password and salt of the example of RFC 7677.
    #[test]
    fn equals_the_servers_own() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let made = with_salt(&SecretString::from("pencil"), &salt);
        assert_eq!(
            made.expose_secret(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
