//! The store in Kubernetes: the ledger `P-external` and the Secrets `P-<client>`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::{Api, PostParams};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Keys, Store};
use crate::platform::{
    Context, StepError,
    apply::{
        kube::{metadata, require_ours},
        ledger::{Ledger, Server, Thing},
    },
    validate::ValidatedPlatform,
};

/// The store of one Platform during one pass.
pub(crate) struct KubeStore<'a> {
    cx: &'a Context,
    p: &'a ValidatedPlatform,
    ledger: Ledger,
    /// The version of each Secret that was looked at; `None` of one that was not there.
    seen: BTreeMap<String, Option<String>>,
}

impl<'a> KubeStore<'a> {
    /// Reads the ledger.
    pub(crate) async fn open(cx: &'a Context, p: &'a ValidatedPlatform) -> Result<Self, StepError> {
        let ledger = Ledger::read(cx, p).await?;
        Ok(Self {
            cx,
            p,
            ledger,
            seen: BTreeMap::new(),
        })
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
        let mut secret = Secret {
            metadata: metadata(self.p, name.clone(), None),
            data: Some(data.collect::<BTreeMap<_, _>>()),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        };
        let api = self.api();
        // Over what was looked at when these keys were decided: a change since then is a conflict, and the next pass
        // looks again.
        let seen = match self.seen.remove(&name) {
            Some(seen) => seen,
            None => self
                .look(&name)
                .await?
                .and_then(|secret| secret.metadata.resource_version),
        };
        let done = match seen {
            None => api.create(&PostParams::default(), &secret).await,
            Some(version) => {
                secret.metadata.resource_version = Some(version);
                api.replace(&name, &PostParams::default(), &secret).await
            }
        };
        done.map(drop).map_err(|error| self.refused(&name, &error))
    }
}
