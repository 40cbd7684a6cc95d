//! The hashes of Django (`django/contrib/auth/hashers.py`): PBKDF2, bcrypt and scrypt, each as `algorithm$parameters$…`.
//! What one may cost is bounded, so that a hostile import cannot stall the pool: about a second each.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::stored::UnusableHash;

/// Django 5.2 takes 1,000,000, and each version some more.
const MOST_ITERATIONS: u32 = 5_000_000;
/// Django takes 12; each one more doubles the time.
const MOST_BCRYPT_COST: u32 = 14;
/// Bytes of memory: blocks of 128 r, of which there are N to mix in, p to be mixed, and one to work on (RFC 7914, sections 5
/// and 6). Django takes 16 MiB.
const MOST_SCRYPT_MEMORY: u64 = 128 * 1024 * 1024;
/// Bytes that are mixed: 128 r N p. Django takes 80 MiB.
const MOST_SCRYPT_WORK: u64 = 256 * 1024 * 1024;
/// Bytes of Django's scrypt.
const SCRYPT_OUTPUT: usize = 64;

const PBKDF2: UnusableHash = UnusableHash::new(
    "must be pbkdf2_sha256$<iterations>$<salt>$<hash> or pbkdf2_sha1$…, with 1 to 5000000 iterations and the whole hash in base64",
);
const BCRYPT: UnusableHash = UnusableHash::new(
    "must be bcrypt_sha256$$2b$<cost>$<salt and hash> or bcrypt$…, with a cost from 4 to 14",
);
const SCRYPT: UnusableHash = UnusableHash::new(
    "must be scrypt$<N>$<salt>$<r>$<p>$<hash>, N a power of two from 2 on, with at most 128 MiB of memory (128 × r × (N + p + 1)), \
     at most 256 MiB over all passes (128 × r × N × p) and the whole hash in base64",
);

/// `pbkdf2_sha256$1000000$salt$hash`.
#[derive(Debug, Clone)]
pub(super) struct Pbkdf2 {
    digest: Digest,
    iterations: NonZeroU32,
    salt: String,
    output: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Digest {
    Sha1,
    Sha256,
}

impl Digest {
    fn algorithm(self) -> (pbkdf2::Algorithm, usize) {
        match self {
            Self::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        }
    }
}

impl Pbkdf2 {
    /// Reads what stands behind the algorithm's name.
    pub(super) fn parse(digest: Digest, rest: &str) -> Result<Self, UnusableHash> {
        let parts: Vec<&str> = rest.split('$').collect();
        let &[iterations, salt, hash] = parts.as_slice() else {
            return Err(PBKDF2);
        };
        let iterations: NonZeroU32 = iterations.parse().map_err(|_| PBKDF2)?;
        let output = STANDARD.decode(hash).map_err(|_| PBKDF2)?;
        let (_, whole) = digest.algorithm();
        if iterations.get() > MOST_ITERATIONS || salt.is_empty() || output.len() != whole {
            return Err(PBKDF2);
        }
        Ok(Self {
            digest,
            iterations,
            salt: salt.to_owned(),
            output,
        })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        let (algorithm, _) = self.digest.algorithm();
        let salt = self.salt.as_bytes();
        pbkdf2::verify(algorithm, self.iterations, salt, password, &self.output).is_ok()
    }
}

/// `bcrypt_sha256$$2b$12$…`, or without the digest, which some passwords of more than 72 bytes have in common.
#[derive(Debug, Clone)]
pub(super) struct Bcrypt {
    /// Whether the password's SHA-256, in hexadecimal digits, stands for it.
    digested: bool,
    hash: String,
}

impl Bcrypt {
    /// Reads what stands behind the algorithm's name.
    pub(super) fn parse(digested: bool, rest: &str) -> Result<Self, UnusableHash> {
        let parts: bcrypt::HashParts = rest.parse().map_err(|_| BCRYPT)?;
        if !(4..=MOST_BCRYPT_COST).contains(&parts.get_cost()) {
            return Err(BCRYPT);
        }
        Ok(Self {
            digested,
            hash: rest.to_owned(),
        })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        let digits;
        let taken = if self.digested {
            digits = hexadecimal(&Sha256::digest(password));
            digits.as_bytes()
        } else {
            password
        };
        bcrypt::verify(taken, &self.hash).unwrap_or(false)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    bytes.iter().flat_map(digits).flatten().collect()
}

/// `scrypt$16384$salt$8$5$hash`.
#[derive(Debug, Clone)]
pub(super) struct Scrypt {
    params: scrypt::Params,
    salt: String,
    output: Vec<u8>,
}

impl Scrypt {
    /// Reads what stands behind the algorithm's name.
    pub(super) fn parse(rest: &str) -> Result<Self, UnusableHash> {
        let parts: Vec<&str> = rest.split('$').collect();
        let &[n, salt, r, p, hash] = parts.as_slice() else {
            return Err(SCRYPT);
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| SCRYPT);
        let (n, r, p) = (number(n)?, number(r)?, number(p)?);
        let output = STANDARD.decode(hash).map_err(|_| SCRYPT)?;
        let block = 128 * u64::from(r);
        let blocks = u64::from(n) + u64::from(p) + 1;
        let work = block
            .saturating_mul(u64::from(n))
            .saturating_mul(u64::from(p));
        let within = block.saturating_mul(blocks) <= MOST_SCRYPT_MEMORY && work <= MOST_SCRYPT_WORK;
        let mixes = n >= 2 && n.is_power_of_two();
        if !within || !mixes || salt.is_empty() || output.len() != SCRYPT_OUTPUT {
            return Err(SCRYPT);
        }
        let log_n = u8::try_from(n.ilog2()).map_err(|_| SCRYPT)?;
        Ok(Self {
            params: scrypt::Params::new(log_n, r, p).map_err(|_| SCRYPT)?,
            salt: salt.to_owned(),
            output,
        })
    }

    pub(super) fn fits(&self, password: &[u8]) -> bool {
        let mut output = [0; SCRYPT_OUTPUT];
        let made = scrypt::scrypt(password, self.salt.as_bytes(), &self.params, &mut output);
        made.is_ok() && output.ct_eq(&self.output).into()
    }
}
