//! The store in Kubernetes: the ledger `P-external`, the claims in Secret `P-logins`, which nobody mounts, and the Secrets
//! `P-<client>`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::{Api, PostParams};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Claim, Claims, Keys, Store};
use crate::platform::{
    Context, StepError,
    apply::{
        kube::require_ours,
        ledger::{Ledger, Server, Thing},
    },
    metadata::metadata,
    validate::ValidatedPlatform,
};

/// Another leader may write claims, too; each change is small, so few attempts are enough.
const ATTEMPTS: usize = 8;

/// The store of one Platform during one pass, for one of its servers.
pub(crate) struct KubeStore<'a> {
    cx: &'a Context,
    p: &'a ValidatedPlatform,
    ledger: &'a Ledger,
    /// The version of each Secret that was looked at; `None` of one that was not there.
    seen: BTreeMap<String, Option<String>>,
    /// The claims, once they were read.
    claims: Option<Claims>,
}

impl<'a> KubeStore<'a> {
    /// With the ledger of this pass.
    pub(crate) fn new(cx: &'a Context, p: &'a ValidatedPlatform, ledger: &'a Ledger) -> Self {
        Self {
            cx,
            p,
            ledger,
            seen: BTreeMap::new(),
            claims: None,
        }
    }

    /// Reads the claims.
    async fn read_claims(&mut self) -> Result<Claims, StepError> {
        let name = self.name("logins");
        let found = self.look(&name).await?;
        let data = found.and_then(|secret| secret.data).unwrap_or_default();
        let entries = data.iter();
        Ok(Claims::read(entries.map(|(name, ByteString(text))| {
            (name.as_str(), text.as_slice())
        })))
    }

    /// Writes a Secret over exactly the version that was looked at.
    async fn put(
        &mut self,
        name: &str,
        data: BTreeMap<String, ByteString>,
    ) -> Result<(), kube::Error> {
        let mut secret = Secret {
            metadata: metadata(self.p, name.to_owned(), None),
            data: Some(data),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        };
        let api = self.api();
        match self.seen.remove(name).flatten() {
            None => api.create(&PostParams::default(), &secret).await,
            Some(version) => {
                secret.metadata.resource_version = Some(version);
                api.replace(name, &PostParams::default(), &secret).await
            }
        }
        .map(drop)
    }

    fn name(&self, client: &str) -> String {
        format!("{}-{client}", self.p.name)
    }

    fn api(&self) -> Api<Secret> {
        Api::namespaced(self.cx.client.clone(), &self.p.namespace)
    }

    /// The Secret as it is now, if it is there. What is kept later is kept over exactly this version.
    async fn look(&mut self, name: &str) -> Result<Option<Secret>, StepError> {
        let found = self.api().get_opt(name).await;
        let found = found.map_err(|error| self.refused(name, &error))?;
        if let Some(secret) = &found {
            let what = format!("Secret {}/{name}", self.p.namespace);
            let ours = metadata(self.p, name.to_owned(), None);
            require_ours(&what, &secret.metadata, &ours)?;
        }
        let version = found
            .as_ref()
            .and_then(|secret| secret.metadata.resource_version.clone());
        self.seen.insert(name.to_owned(), version);
        Ok(found)
    }

    fn refused(&self, name: &str, error: &kube::Error) -> StepError {
        StepError::of_kube(&format!("Secret {}/{name}", self.p.namespace), error)
    }
}

#[async_trait]
impl Store for KubeStore<'_> {
    fn knows(&self, thing: &Thing) -> bool {
        self.ledger.knows(thing)
    }

    async fn intend(&mut self, things: &[Thing]) -> Result<(), StepError> {
        self.ledger.intend(self.cx, self.p, things).await
    }

    async fn made(&mut self, server: Server) -> Result<(), StepError> {
        self.ledger.made(self.cx, self.p, server).await
    }

    async fn claims(&mut self) -> Result<&Claims, StepError> {
        let claims = match self.claims.take() {
            Some(claims) => claims,
            None => self.read_claims().await?,
        };
        Ok(self.claims.insert(claims))
    }

    async fn claim(&mut self, client: &str, slot: &str, claim: Claim) -> Result<Claim, StepError> {
        let name = self.name("logins");
        let _turn = self.ledger.turn().await;
        let mut attempts = 0..ATTEMPTS;
        loop {
            // Live: another leader may have claimed it since.
            let mut claims = self.read_claims().await?;
            let there = claims.of(client, slot, claim.after);
            if there.is_none() {
                claims.put(client, slot, claim.clone());
                let data = claims.entries().into_iter();
                let data = data.map(|(name, text)| (name, ByteString(text))).collect();
                match self.put(&name, data).await {
                    Ok(()) => {}
                    Err(kube::Error::Api(status))
                        if matches!(status.code, 404 | 409) && attempts.next().is_some() =>
                    {
                        continue;
                    }
                    Err(error) => return Err(self.refused(&name, &error)),
                }
            }
            self.claims = Some(claims);
            return Ok(there.unwrap_or(claim));
        }
    }

    async fn secret(&mut self, client: &str) -> Result<Option<Keys>, StepError> {
        let name = self.name(client);
        Ok(self.look(&name).await?.map(|secret| {
            let data = secret.data.unwrap_or_default().into_iter();
            data.filter_map(|(key, ByteString(value))| {
                Some((key, SecretString::from(String::from_utf8(value).ok()?)))
            })
            .collect()
        }))
    }

    async fn keep(&mut self, client: &str, keys: Keys) -> Result<(), StepError> {
        let name = self.name(client);
        let data = keys.into_iter().map(|(key, value)| {
            let bytes = value.expose_secret().as_bytes().to_vec();
            (key, ByteString(bytes))
        });
        let data = data.collect::<BTreeMap<_, _>>();
        // Over what was looked at when these keys were decided: a change since then is a conflict, and the next pass
        // looks again.
        if !self.seen.contains_key(&name) {
            self.look(&name).await?;
        }
        let done = self.put(&name, data).await;
        done.map_err(|error| self.refused(&name, &error))
    }
}
