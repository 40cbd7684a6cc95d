//! Making signing keys: for the operator's key ring and for running without it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common_clock::Ids;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rsa::PrivateKey;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Modulus length of every key that this project makes.
pub const BITS: usize = 3072;

/// A fresh key pair. The private half leaves only through [`SigningKey::private_jwk`].
pub struct SigningKey {
    key: PrivateKey,
    kid: String,
}

/// A key pair could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot generate an RSA key of {bits} bits")]
pub struct GenerateError {
    bits: usize,
    source: rsa::Error,
}

impl SigningKey {
    /// Generates an RSA key pair of `bits`. It takes 0.1–0.3 s at 3072 bits: call it on a blocking
    /// thread.
    ///
    /// # Errors
    /// When `bits` is not supported.
    pub fn generate(bits: usize, ids: &dyn Ids) -> Result<Self, GenerateError> {
        let mut seed = [0; 32];
        ids.fill(&mut seed);
        let key = PrivateKey::new(&mut StdRng::from_seed(seed), bits)
            .map_err(|source| GenerateError { bits, source })?;
        let kid = thumbprint(&encode(&key.n_bytes()), &encode(&key.e_bytes()));
        Ok(Self { key, kid })
    }

    /// The RFC 7638 thumbprint of the public half: 43 characters.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK (RFC 7517): kty, n, e, use, alg, kid and nothing else.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "n": encode(&self.key.n_bytes()),
            "e": encode(&self.key.e_bytes()),
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
        })
    }

    /// The private JWK with its `kid` and `alg`, as in `signing.jwk`.
    #[must_use]
    pub fn private_jwk(&self) -> SecretString {
        let mut jwk = self.public_jwk();
        let key = &self.key;
        let trimmed = |number: &rsa::BoxedUint| encode(&number.to_be_bytes_trimmed_vartime());
        let parts = [
            ("d", Some(trimmed(key.d()))),
            ("p", key.primes().first().map(|prime| trimmed(prime))),
            ("q", key.primes().get(1).map(|prime| trimmed(prime))),
            ("dp", key.dp().map(trimmed)),
            ("dq", key.dq().map(trimmed)),
            ("qi", key.qinv().map(|inverse| trimmed(&inverse.retrieve()))),
        ];
        for (name, value) in parts {
            jwk[name] = json!(value.unwrap_or_default());
        }
        SecretString::from(jwk.to_string())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SigningKey({})", self.kid)
    }
}

/// The RFC 7638 thumbprint (SHA-256) of an RSA public key given by its base64url members.
#[must_use]
pub fn thumbprint(n: &str, e: &str) -> String {
    encode(&Sha256::digest(format!(
        r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#
    )))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_of_the_example_in_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(
            thumbprint(n, "AQAB"),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn debug_shows_the_kid_alone() {
        let key = SigningKey::generate(2048, &common_clock::SeededIds::new(1)).expect("a key");
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid()));
    }
}
