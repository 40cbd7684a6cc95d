//! The verifier of tokens, with keys from a mounted folder or from a URL.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use common_auth::{AuthConfig, FileSource, HttpSource, RevocationSource, Revocations, Verifier};
use common_clock::SharedClock;
use common_config::Source;
use common_outbound::{Outbound, OutboundConfig};
use common_service::Service;

use crate::reach;

/// Where the keys are.
#[derive(Debug, Clone)]
enum Keys {
    File(std::path::PathBuf),
    Url(String, Outbound),
}

/// Section `[auth]`, with a client for its URL if it has one.
#[derive(Debug, Clone)]
pub struct Trust {
    issuer: String,
    audience: String,
    skew: u32,
    keys: Keys,
}

impl Trust {
    /// Reads `[auth]`; no server is asked yet.
    ///
    /// # Errors
    /// When a key is missing, or not exactly one of `jwks_file` and `jwks_url` is set.
    pub fn read(source: &Source) -> anyhow::Result<Self> {
        let auth: AuthConfig = source.section()?;
        let keys = match (auth.jwks_file, auth.jwks_url) {
            (Some(path), None) => Keys::File(path),
            (None, Some(url)) => {
                let outbound: OutboundConfig = source.section()?;
                let client = Outbound::new(outbound).context("client for auth.jwks_url")?;
                Keys::Url(url, client)
            }
            _ => anyhow::bail!("set exactly one of auth.jwks_file and auth.jwks_url"),
        };
        Ok(Self {
            issuer: auth.issuer,
            audience: auth.audience,
            skew: auth.clock_skew_seconds,
            keys,
        })
    }

    /// A verifier with the keys as they are now.
    async fn verifier(&self, clock: SharedClock) -> Result<Verifier, common_auth::SourceError> {
        let (issuer, audience) = (self.issuer.clone(), self.audience.clone());
        let verifier = match &self.keys {
            Keys::File(path) => Verifier::new(FileSource::new(path), issuer, audience, clock).await,
            Keys::Url(url, client) => {
                let source = HttpSource::new(url, client.clone());
                Verifier::new(source, issuer, audience, clock).await
            }
        };
        verifier.map(|verifier| verifier.with_skew(self.skew))
    }

    /// How often the keys are looked at without a request.
    fn every(&self) -> Duration {
        match self.keys {
            Keys::File(_) => Duration::from_secs(2),
            Keys::Url(..) => Duration::from_mins(1),
        }
    }

    /// The keys, once there are any; they are followed from then on and told in
    /// `/internal/state`. `None` when the role stops before.
    pub async fn reach(self, service: &Service) -> Option<Trusted> {
        let check = service.ready("key set");
        let stop = service.soft();
        let attempt = || self.verifier(Arc::clone(service.clock()));
        let verifier = Arc::new(reach("key set", Some(&check), &stop, attempt).await?);
        let (followed, every) = (Arc::clone(&verifier), self.every());
        service.spawn("key set", async move {
            followed.follow(every, stop).await;
            Ok(())
        });
        let seen = Arc::clone(&verifier);
        service.state("jwks_epoch", move || seen.key_set().epoch().into());
        let seen = Arc::clone(&verifier);
        service.state("jwks_data_timestamp", move || {
            serde_json::json!(seen.key_set().data_timestamp())
        });
        Some(Trusted(verifier))
    }
}

/// A verifier that has keys, and does not know yet who has signed out: nobody can use it before it does.
pub struct Trusted(Arc<Verifier>);

impl Trusted {
    /// The verifier, once `source` tells which sign-ins have ended; it is asked again and again from then on. `None` when the
    /// role stops before.
    pub async fn heed(
        self,
        source: impl RevocationSource + Clone,
        service: &Service,
    ) -> Option<Arc<Verifier>> {
        let check = service.ready("revocations");
        let stop = service.soft();
        let attempt = || Revocations::read(source.clone(), Arc::clone(service.clock()));
        let read = reach("revocations", Some(&check), &stop, attempt).await?;
        let revocations = Arc::new(read);
        self.0.heed(Arc::clone(&revocations));
        service.spawn("revocations", async move {
            revocations.follow(stop).await;
            Ok(())
        });
        Some(self.0)
    }
}
