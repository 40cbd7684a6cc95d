//! What the domain's handlers need.

use std::sync::Arc;

use common_auth::{AuthConfig, PasswordHasher, Signer, Verifier};
use common_cache::Cache;
use common_clock::{SharedClock, SharedIds};
use common_db::Pools;
use common_http::{ApiError, CursorKey};

use crate::UsersConfig;
use crate::limits::LoginLimits;

/// Dependencies of the domain; clones share them.
#[derive(Clone)]
pub struct Users {
    pub(crate) pools: Pools,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) limits: LoginLimits,
    pub(crate) keys: CursorKey,
    pub(crate) clock: SharedClock,
    pub(crate) ids: SharedIds,
    pub(crate) auth: Arc<AuthConfig>,
    pub(crate) config: Arc<UsersConfig>,
}

/// What [`Users::new`] takes.
pub struct Parts {
    /// The application's pools.
    pub pools: Pools,
    /// Counters of failed sign-ins.
    pub cache: Cache,
    /// Has the keys that are published.
    pub verifier: Arc<Verifier>,
    /// Signer of access tokens; role `web` alone has one.
    pub signer: Arc<Signer>,
    /// Key of cursors and of derived refresh tokens.
    pub keys: CursorKey,
    /// Hashes passwords, as many at a time as `[users]` says.
    pub hasher: PasswordHasher,
    /// The clock.
    pub clock: SharedClock,
    /// Source of identifiers and secrets.
    pub ids: SharedIds,
    /// Section `[auth]`.
    pub auth: AuthConfig,
    /// Section `[users]`.
    pub config: UsersConfig,
}

impl Users {
    /// The domain with its dependencies.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            limits: LoginLimits::new(
                parts.cache,
                Arc::clone(&parts.clock),
                &parts.ids,
                &parts.config,
            ),
            pools: parts.pools,
            verifier: parts.verifier,
            signer: parts.signer,
            hasher: parts.hasher,
            keys: parts.keys,
            clock: parts.clock,
            ids: parts.ids,
            auth: Arc::new(parts.auth),
            config: Arc::new(parts.config),
        }
    }
}

impl Users {
    /// 503 when the mounted key set is gone: outside verifiers must keep what they have, and see that
    /// something is wrong here.
    pub(crate) fn missing_keys(&self) -> Option<ApiError> {
        let path = self.auth.jwks_file.as_deref()?;
        std::fs::metadata(path)
            .err()
            .map(|error| ApiError::unavailable("the key set is not mounted", error))
    }
}
