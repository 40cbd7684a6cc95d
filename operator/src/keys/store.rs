//! The ring and its projections in the cluster: read, written by compare-and-swap, projected.

use crds::Reason;
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    KeyRing, Observed, decision::is_published, jwks_json, meta_json, seal_json, signing_jwk,
};
use crate::platform::{
    Context, StepError,
    apply::kube::{ensure_over, require_ours},
    metadata::metadata_of,
    validate::Identity,
};

const RING: &str = "ring.json";
const SIGNING: &str = "signing.jwk";
const JWKS: &str = "jwks.json";
const META: &str = "meta.json";
const SEAL: &str = "seal.json";

/// The three objects of one Platform, and what was read from them.
pub(super) struct KeyStore<'a> {
    cx: &'a Context,
    p: &'a Identity,
    /// What was read, or written since.
    pub(super) observed: Observed,
    /// Versions of `P-keyring`, `P-jwks` and `P-signing` that were read, or written since; `None` while there is none. All
    /// are written over exactly these: an operator that lost its lease and does not know it changes nothing.
    versions: Versions,
}

#[derive(Default)]
struct Versions {
    ring: Option<String>,
    set: Option<String>,
    signing: Option<String>,
}

impl<'a> KeyStore<'a> {
    /// Reads all three, live.
    pub(super) async fn read(cx: &'a Context, p: &'a Identity) -> Result<Self, StepError> {
        let stored = secret(cx, p, "keyring").await?;
        let signing = secret(cx, p, "signing").await?;
        let maps: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &p.namespace);
        let name = format!("{}-jwks", p.name);
        let what = format!("ConfigMap {}/{name}", p.namespace);
        let public = maps
            .get_opt(&name)
            .await
            .map_err(|error| StepError::of_kube(&what, &error))?;
        if let Some(public) = &public {
            // What somebody else made is no trace of a ring, and what is left of a deleted Platform none of this one's.
            require_ours(&what, &public.metadata, &metadata_of(p, name, None))?;
        }
        let parse = |document: SecretString| {
            KeyRing::parse(document.expose_secret())
                .inspect_err(|error| tracing::error!(%error, "the stored key ring is set aside"))
                .ok()
        };
        let ring = stored.as_ref().and_then(|secret| text(secret, RING));
        let version = |metadata: Option<&ObjectMeta>| metadata?.resource_version.clone();
        let versions = Versions {
            ring: version(stored.as_ref().map(|secret| &secret.metadata)),
            set: version(public.as_ref().map(|map| &map.metadata)),
            signing: version(signing.as_ref().map(|secret| &secret.metadata)),
        };
        let public = public.and_then(|map| map.data).unwrap_or_default();
        Ok(Self {
            cx,
            p,
            observed: Observed {
                ring: ring.and_then(parse),
                jwks: public.get(JWKS).cloned(),
                meta: public.get(META).cloned(),
                seal: public.get(SEAL).cloned(),
                signing: signing.as_ref().and_then(|secret| text(secret, SIGNING)),
            },
            versions,
        })
    }

    /// Writes the ring over exactly the version that was read.
    pub(super) async fn swap(&mut self, ring: KeyRing) -> Result<(), StepError> {
        let name = format!("{}-keyring", self.p.name);
        let mut secret = self.secret(&name, RING, &ring.to_document());
        let secrets: Api<Secret> = Api::namespaced(self.cx.client.clone(), &self.p.namespace);
        let written = match &self.versions.ring {
            None => secrets.create(&PostParams::default(), &secret).await,
            Some(version) => {
                secret.metadata.resource_version = Some(version.clone());
                secrets
                    .replace(&name, &PostParams::default(), &secret)
                    .await
            }
        };
        let what = format!("Secret {}/{name}", self.p.namespace);
        let written = written.map_err(|error| StepError::of_kube(&what, &error))?;
        tracing::info!(epoch = ring.epoch, keys = ?ring.keys, "the key ring changed");
        self.versions.ring = written.metadata.resource_version;
        self.observed.ring = Some(ring);
        Ok(())
    }

    /// Makes true what is computed from the ring. The key that signs is in the key set at every moment between: where
    /// the set that is there has it already, the signing key goes first, else the set does.
    pub(super) async fn project(&mut self) -> Result<(), StepError> {
        let Some(ring) = &self.observed.ring else {
            return Ok(());
        };
        let Some(private) = signing_jwk(ring) else {
            return Err(StepError::terminal(
                Reason::SigningKeyInvalid,
                format!(
                    "the active key of Secret {}/{}-keyring has no private half; delete that Secret to have the ring \
                     made again from what is published",
                    self.p.namespace, self.p.name
                ),
            ));
        };
        let (jwks, meta) = (jwks_json(ring), meta_json(ring));
        let seal = seal_json(ring, &jwks, &meta);
        let known = ring
            .active()
            .is_some_and(|active| is_published(&active.kid, &self.observed));
        let set = self.key_set([(JWKS, &jwks), (META, &meta), (SEAL, &seal)]);
        let signing = self.secret(&format!("{}-signing", self.p.name), SIGNING, &private);
        let seen = &mut self.versions;
        if known {
            seen.signing = ensure_over(self.cx, &signing, seen.signing.as_ref()).await?;
            seen.set = ensure_over(self.cx, &set, seen.set.as_ref()).await?;
        } else {
            seen.set = ensure_over(self.cx, &set, seen.set.as_ref()).await?;
            seen.signing = ensure_over(self.cx, &signing, seen.signing.as_ref()).await?;
        }
        self.observed.jwks = Some(jwks);
        self.observed.meta = Some(meta);
        self.observed.seal = Some(seal);
        self.observed.signing = Some(private);
        Ok(())
    }

    fn key_set(&self, files: [(&str, &String); 3]) -> ConfigMap {
        ConfigMap {
            metadata: metadata_of(self.p, format!("{}-jwks", self.p.name), None),
            data: Some(
                files
                    .map(|(key, text)| (key.to_owned(), text.clone()))
                    .into(),
            ),
            ..ConfigMap::default()
        }
    }

    fn secret(&self, name: &str, key: &str, content: &SecretString) -> Secret {
        let bytes = content.expose_secret().as_bytes().to_vec();
        Secret {
            metadata: metadata_of(self.p, name.to_owned(), None),
            data: Some([(key.to_owned(), ByteString(bytes))].into()),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        }
    }
}

async fn secret(cx: &Context, p: &Identity, suffix: &str) -> Result<Option<Secret>, StepError> {
    let name = format!("{}-{suffix}", p.name);
    let what = format!("Secret {}/{name}", p.namespace);
    let secrets: Api<Secret> = Api::namespaced(cx.client.clone(), &p.namespace);
    let found = secrets.get_opt(&name).await;
    let found = found.map_err(|error| StepError::of_kube(&what, &error))?;
    if let Some(found) = &found {
        require_ours(&what, &found.metadata, &metadata_of(p, name, None))?;
    }
    Ok(found)
}

fn text(secret: &Secret, key: &str) -> Option<SecretString> {
    let value = secret.data.as_ref()?.get(key)?;
    String::from_utf8(value.0.clone())
        .ok()
        .map(SecretString::from)
}
