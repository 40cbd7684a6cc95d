//! A key pair and tokens signed with it, for the tests of other crates.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use common_clock::{Ids as _, SharedClock, SystemIds};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::keys::{BITS, SigningKey};
use crate::{Claims, FileSource, Signer, Verifier};

/// Who signs.
pub const ISSUER: &str = "https://crewdeck.example.org";
/// For whom.
pub const AUDIENCE: &str = "crewdeck";

/// A folder with `jwks.json`, `meta.json` and `signing.jwk` of one key pair.
#[derive(Debug)]
pub struct KeyFolder(PathBuf);

impl KeyFolder {
    /// The folder of this test program, made below `parent` by whoever comes first.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn of_tests(parent: &str) -> &'static Self {
        static FOLDER: OnceLock<KeyFolder> = OnceLock::new();
        FOLDER.get_or_init(|| Self::new(parent))
    }

    /// A folder of its own, for a test that changes it.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn new(parent: &str) -> Self {
        let folder = Self(Path::new(parent).join(SystemIds.uuid().to_string()));
        std::fs::create_dir_all(&folder.0).expect("a writable folder");
        let key = SigningKey::generate(BITS, &SystemIds).expect("a key");
        folder.write("signing.jwk", key.private_jwk().expose_secret());
        folder.publish(
            &key,
            &json!({"epoch": 7, "dataTimestamp": "2026-03-01T00:00:00Z"}),
        );
        folder
    }

    /// Denies the key that signs: another one is published, and its private half is not here yet.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn deny(&self) {
        let next = SigningKey::generate(BITS, &SystemIds).expect("a key");
        let denied = self.signer().kid();
        self.publish(
            &next,
            &json!({"epoch": 8, "dataTimestamp": "2026-03-02T00:00:00Z", "revoked": [denied]}),
        );
    }

    fn publish(&self, key: &SigningKey, meta: &Value) {
        self.write("meta.json", &meta.to_string());
        self.write(
            "jwks.json",
            &json!({"keys": [key.public_jwk()]}).to_string(),
        );
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a writable folder");
    }

    /// A file of it, there or not.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A signer with the private half.
    ///
    /// # Panics
    /// When somebody removed the file.
    #[must_use]
    pub fn signer(&self) -> Signer {
        Signer::from_file(self.file("signing.jwk")).expect("a signing key")
    }

    /// A verifier with the public half.
    ///
    /// # Panics
    /// When somebody removed the file.
    pub async fn verifier(&self, clock: SharedClock) -> Arc<Verifier> {
        let source = FileSource::new(self.file("jwks.json"));
        let verifier = Verifier::new(source, ISSUER, AUDIENCE, clock).await;
        Arc::new(verifier.expect("keys"))
    }

    /// An access token for ten minutes.
    ///
    /// # Panics
    /// When somebody removed the key.
    #[must_use]
    pub fn token(&self, of: Bearer, now: DateTime<Utc>) -> String {
        let now = now.timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: vec![AUDIENCE.to_owned()],
            sub: of.user,
            exp: now + 600,
            iat: now,
            nbf: now,
            jti: SystemIds.uuid(),
            sid: of.session,
            adm: of.is_admin,
        };
        self.signer().sign(&claims).expect("signed")
    }
}

/// Whose token it is.
#[derive(Debug, Clone, Copy)]
pub struct Bearer {
    /// The user.
    pub user: Uuid,
    /// The sign-in that it comes from.
    pub session: Uuid,
    /// Whether the user administers the platform.
    pub is_admin: bool,
}

impl Bearer {
    /// A user, in a sign-in of its own.
    #[must_use]
    pub fn user(user: Uuid) -> Self {
        Self {
            user,
            session: SystemIds.uuid(),
            is_admin: false,
        }
    }
}
