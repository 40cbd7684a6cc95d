//! Role `web`: the API and its documentation.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use api_server_notifications::Notifications;
use api_server_realtime::Tickets;
use api_server_tasks::Tasks;
use api_server_users::{EndedSessions, Users, UsersConfig};
use common_auth::{AuthConfig, PasswordHasher, Signer, SigningConfig};
use common_cache::CacheConfig;
use common_config::{SecretRef, Source};
use common_db::DatabaseConfig;
use common_http::{Callers, CursorKey, HttpConfig, Limiter};
use common_reach::{Epochs, Trust, reach};
use common_service::Service;

use super::servers;
use crate::router::{Domains, router};

/// Runs the role until it is told to stop.
///
/// # Errors
/// When the configuration is not valid, a port cannot be bound, or the role fails.
pub async fn run(source: &Source, service: Service) -> anyhow::Result<()> {
    start(source, &service)?;
    service.run().await
}

/// Starts the role on `service`, whose own `run` the caller calls.
///
/// # Errors
/// When the configuration is not valid; nothing runs then.
pub fn start(source: &Source, service: &Service) -> anyhow::Result<()> {
    let http: HttpConfig = source.section()?;
    let plan = Plan {
        cursors: http.cursor_key.clone().context("http.cursor_key is missing: give a random text of at least 32 characters, the same to every web process")?,
        http,
        auth: source.section()?,
        trust: Trust::read(source)?,
        signing: source.section()?,
        database: source.section()?,
        redis: source.section()?,
        users: source.section()?,
    };
    let own = service.clone();
    // On the heap: it holds the whole router while that is made.
    service.spawn("start", async move { Box::pin(plan.serve(&own)).await });
    Ok(())
}

/// The configuration of the role.
struct Plan {
    auth: AuthConfig,
    trust: Trust,
    signing: SigningConfig,
    http: HttpConfig,
    cursors: SecretRef,
    database: DatabaseConfig,
    redis: CacheConfig,
    users: UsersConfig,
}

impl Plan {
    /// Reaches what the API needs, then listens.
    async fn serve(self, service: &Service) -> anyhow::Result<()> {
        let epochs = Epochs::of(service);
        let listening = service.ready("listener");
        let reached = tokio::join!(
            servers::pools(&self.database, service, &epochs),
            servers::cache(&self.redis, service, &epochs),
            self.trust.reach(service),
            signer(&self.signing, service),
        );
        let (Some(pools), Some(cache), Some(trusted), Some(signer)) = reached else {
            return Ok(()); // told to stop before
        };
        let ended = EndedSessions::new(pools.write.clone());
        let Some(verifier) = trusted.heed(ended, service).await else {
            return Ok(());
        };
        let keys = CursorKey::read(&self.cursors)?;
        let counters = Arc::new(OnceLock::from(cache.clone()));
        let limiter = Limiter::new(&self.http, counters, Arc::clone(service.clock()));
        let callers = Callers::verified_by(Arc::clone(&verifier)).limited_by(limiter);
        let tasks = Tasks::new(api_server_tasks::Parts {
            pools: pools.clone(),
            keys: keys.clone(),
            clock: Arc::clone(service.clock()),
            ids: Arc::clone(service.ids()),
        });
        let notifications = Notifications::new(api_server_notifications::Parts {
            pools: pools.clone(),
            keys: keys.clone(),
            clock: Arc::clone(service.clock()),
        });
        let tickets = Tickets::new(cache.clone(), Arc::clone(service.ids()));
        let users = Users::new(api_server_users::Parts {
            pools,
            cache,
            verifier,
            signer,
            keys,
            hasher: PasswordHasher::new(self.users.password_slots, Arc::clone(service.ids())),
            clock: Arc::clone(service.clock()),
            ids: Arc::clone(service.ids()),
            auth: self.auth,
            config: self.users,
        });
        let app = router(
            Domains {
                users,
                tasks,
                notifications,
                tickets,
            },
            &self.http,
            Arc::clone(service.ids()),
            callers,
        );
        let bound = service.listen(service.config().listen, app).await?;
        listening.set(true, format!("listening on {bound}"));
        Ok(())
    }
}

/// The private key that access tokens are signed with; its file is re-read when it changes.
async fn signer(config: &SigningConfig, service: &Service) -> Option<Arc<Signer>> {
    let check = service.ready("signing key");
    let attempt = || std::future::ready(Signer::from_file(&config.key_file));
    let signer = Arc::new(reach("signing key", Some(&check), &service.soft(), attempt).await?);
    let seen = Arc::clone(&signer);
    service.state("jwt_signing_kid", move || seen.kid().into());
    Some(signer)
}
