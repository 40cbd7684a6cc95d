//! A password hash as it is stored: ours, or one that was imported.

use argon2::Block;

use super::argon::Argon;
use super::django::{Bcrypt, Digest, Pbkdf2, Scrypt};

/// Django marks an account without a password by this, and something random behind it.
const NO_PASSWORD: char = '!';

const UNKNOWN: UnusableHash = UnusableHash::new(
    "must be a hash of Crewdeck ($argon2id$…) or of Django (pbkdf2_sha256$…, pbkdf2_sha1$…, argon2$…, bcrypt_sha256$…, bcrypt$… \
     or scrypt$…), or begin with ! where there is no password",
);

/// Why a text is no password hash that can be verified: what is allowed, never what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableHash(&'static str);

impl UnusableHash {
    pub(super) const fn new(allowed: &'static str) -> Self {
        Self(allowed)
    }
}

/// A stored hash that can be verified within bounded time and memory.
#[derive(Debug, Clone)]
pub struct StoredHash(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Argon(Argon),
    Pbkdf2(Pbkdf2),
    Bcrypt(Bcrypt),
    Scrypt(Scrypt),
    /// Nothing fits.
    NoPassword,
}

impl StoredHash {
    /// Reads a hash of ours (a PHC string), one of Django, or the mark of an account without a password.
    ///
    /// # Errors
    /// When it is none of them, or would take too much time or memory.
    pub fn parse(text: &str) -> Result<Self, UnusableHash> {
        if text.starts_with(NO_PASSWORD) {
            return Ok(Self(Kind::NoPassword));
        }
        let (algorithm, rest) = text.split_once('$').ok_or(UNKNOWN)?;
        Ok(Self(match algorithm {
            "" => Kind::Argon(Argon::parse(text)?),
            "argon2" => Kind::Argon(Argon::parse(&text["argon2".len()..])?),
            "pbkdf2_sha256" => Kind::Pbkdf2(Pbkdf2::parse(Digest::Sha256, rest)?),
            "pbkdf2_sha1" => Kind::Pbkdf2(Pbkdf2::parse(Digest::Sha1, rest)?),
            "bcrypt_sha256" => Kind::Bcrypt(Bcrypt::parse(true, rest)?),
            "bcrypt" => Kind::Bcrypt(Bcrypt::parse(false, rest)?),
            "scrypt" => Kind::Scrypt(Scrypt::parse(rest)?),
            _ => return Err(UNKNOWN),
        }))
    }

    /// A hash of ours that no password has.
    pub(super) fn of_nothing(salt: &[u8]) -> Self {
        Self(Kind::Argon(Argon::of_nothing(salt)))
    }

    /// Whether some password may fit.
    pub(super) fn is_usable(&self) -> bool {
        !matches!(self.0, Kind::NoPassword)
    }

    /// Whether it is made as ours are today.
    pub(super) fn is_current(&self) -> bool {
        matches!(&self.0, Kind::Argon(argon) if argon.is_current())
    }

    /// Whether it is the hash of `password`. Takes long, and `memory` as it needs.
    pub(super) fn fits(&self, password: &[u8], memory: &mut Vec<Block>) -> bool {
        match &self.0 {
            Kind::Argon(argon) => argon.fits(password, memory),
            Kind::Pbkdf2(pbkdf2) => pbkdf2.fits(password),
            Kind::Bcrypt(bcrypt) => bcrypt.fits(password),
            Kind::Scrypt(scrypt) => scrypt.fits(password),
            Kind::NoPassword => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Django's own tests, where those have a fixed salt; the others were made by Django 5.2 with fewer rounds.
    const VECTORS: [(&str, &str); 11] = [
        (
            "lètmein",
            "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
        ),
        (
            "lètmein",
            "pbkdf2_sha256$390000$seasalt2$geC/uZ92nRXDSjSxeoiBqYyRcrLzMm8xK3ro1QS1uo8=",
        ),
        (
            "lètmein",
            "pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps=",
        ),
        (
            "lètmein",
            "pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I=",
        ),
        (
            "secret",
            "argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg",
        ),
        (
            "secret",
            "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
        ),
        (
            "secret",
            "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw",
        ),
        (
            "lètmein",
            "bcrypt_sha256$$2b$04$N7zgyVt9z7X5xZHbfum1O.pb0e0j0eTHpyyAfsbSh0KQXWT0jkvxy",
        ),
        (
            "lètmein",
            "bcrypt$$2b$04$zpZg0e6BpYElu8FuwbApJut3GZUGQJde.aXbODaynWceNomD5Pk36",
        ),
        (
            "lètmein",
            "scrypt$16384$seasalt$8$5$ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw==",
        ),
        (
            "lètmein",
            "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
        ),
    ];

    #[test]
    fn what_django_made_is_verified_and_is_not_current() {
        for (password, text) in VECTORS {
            let hash = StoredHash::parse(text).expect(text);
            let fits = |password: &str| hash.fits(password.as_bytes(), &mut Vec::new());
            assert!(fits(password), "{text}");
            assert!(!fits(&format!("{password}z")), "{text}");
            assert!(!fits(""), "{text}");
            assert!(!hash.is_current(), "{text}");
        }
    }

    #[test]
    fn what_would_take_too_long_or_is_no_hash_is_refused_without_telling_it() {
        for text in [
            "",
            "plain",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "md5$salt$3f86d0d3d465b7b458c231bf3555c0e3",
            "pbkdf2_sha256$5000001$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
            "pbkdf2_sha256$0$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
            "pbkdf2_sha256$99999999999$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
            "pbkdf2_sha256$1000$$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=",
            "pbkdf2_sha256$1000$seasalt$",
            "pbkdf2_sha256$1000$seasalt$AAAA",
            "pbkdf2_sha256$1000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=$more",
            "$argon2id$v=19$m=131073,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
            "$argon2id$v=19$m=102400,t=11,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
            "$argon2id$v=18$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
            "$argon2id$v=19$m=8,t=1,p=2$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
            "$2b$04$zpZg0e6BpYElu8FuwbApJut3GZUGQJde.aXbODaynWceNomD5Pk36",
            "bcrypt$$2b$15$zpZg0e6BpYElu8FuwbApJut3GZUGQJde.aXbODaynWceNomD5Pk36",
            "bcrypt$$2b$03$zpZg0e6BpYElu8FuwbApJut3GZUGQJde.aXbODaynWceNomD5Pk36",
            "bcrypt_sha256$$2b$04$short",
            "scrypt$1048576$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$16384$seasalt$8$17$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$1$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            // Many passes over little: what is mixed is within its bound, and what it takes is not.
            "scrypt$2$seasalt$1$1048576$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$2$seasalt$524288$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$131072$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$16383$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$16384$seasalt$0$0$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
            "scrypt$16384$seasalt$8$4294967295$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
        ] {
            let error = StoredHash::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("must "), "{error}");
            for part in ["seasalt", "c2FsdHNhbHQ", "3f86d0", "5f4dcc", "YC9+"] {
                assert!(!error.contains(part), "{error}");
            }
        }
    }
}
