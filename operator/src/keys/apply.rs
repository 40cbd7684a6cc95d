//! The ring in the cluster: read, changed by compare-and-swap, projected.

use common_auth::keys::{BITS, SigningKey};
use crds::{Reason, SigningKeyStatus};
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{Api, api::PostParams};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    FreshKey, KeyRing, KeyState, Observed, RingKey, Step, decide, jwks_json, meta_json, signing_jwk,
};
use crate::platform::{
    Context, StepError,
    apply::kube::{ensure, metadata, require_ours},
    validate::ValidatedPlatform,
};

const RING: &str = "ring.json";
const SIGNING: &str = "signing.jwk";
const JWKS: &str = "jwks.json";
const META: &str = "meta.json";

/// How the keys stand after a pass.
#[derive(Debug)]
pub struct KeysApplied {
    /// Generation of the key set.
    pub epoch: u64,
    /// Keys that are not yet tombstones, oldest first.
    pub keys: Vec<SigningKeyStatus>,
}

/// Makes the ring and what is computed from it true: Secret `P-keyring`, then ConfigMap `P-jwks`, then Secret
/// `P-signing`, so that no token is signed by a key that is in no set. Two operators at once cannot make two rings:
/// the ring is written by compare-and-swap, and what is projected is read back from what was written.
///
/// # Errors
/// What the API server says; a lost race is transient.
pub async fn ensure_keys(cx: &Context, p: &ValidatedPlatform) -> Result<KeysApplied, StepError> {
    let secrets: Api<Secret> = Api::namespaced(cx.client.clone(), &p.namespace);
    let maps: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &p.namespace);
    let name = |suffix: &str| format!("{}-{suffix}", p.name);
    let what = |kind: &str, suffix: &str| format!("{kind} {}/{}-{suffix}", p.namespace, p.name);
    let read = |suffix: &'static str| {
        let (secrets, name, what) = (secrets.clone(), name(suffix), what("Secret", suffix));
        async move {
            secrets
                .get_opt(&name)
                .await
                .map_err(|error| StepError::of_kube(&what, &error))
        }
    };

    let stored = read("keyring").await?;
    if let Some(stored) = &stored {
        let ours = metadata(p, name("keyring"), None);
        require_ours(&what("Secret", "keyring"), &stored.metadata, &ours)?;
    }
    let signing = read("signing")
        .await?
        .as_ref()
        .and_then(|secret| text(secret, SIGNING));
    let public = maps
        .get_opt(&name("jwks"))
        .await
        .map_err(|error| StepError::of_kube(&what("ConfigMap", "jwks"), &error))?
        .and_then(|map| map.data)
        .unwrap_or_default();
    let observed = Observed {
        ring: stored
            .as_ref()
            .and_then(|secret| text(secret, RING))
            .and_then(|document| {
                KeyRing::parse(document.expose_secret())
                    .inspect_err(
                        |error| tracing::error!(%error, "the stored key ring is set aside"),
                    )
                    .ok()
            }),
        jwks: public.get(JWKS).cloned(),
        meta: public.get(META).cloned(),
        signing,
    };

    let now = cx.clock.now();
    let (ring, changed) = match (decide(&observed, now), observed.ring) {
        (Step::Keep, Some(ring)) => (ring, false),
        (Step::PublishNext, Some(ring)) => (ring.with_next(&fresh(cx).await?, now), true),
        (Step::Adopt(ring), _) if ring.next().is_none() => {
            (ring.with_next(&fresh(cx).await?, now), true)
        }
        (Step::Adopt(ring), _) => (*ring, true),
        (Step::Birth, _) => (
            KeyRing::born(&fresh(cx).await?, &fresh(cx).await?, now),
            true,
        ),
        (Step::Renew(remains), _) => (
            remains.with_fresh(&fresh(cx).await?, &fresh(cx).await?, now),
            true,
        ),
        // Both are decided for a ring alone.
        (Step::Keep | Step::PublishNext, None) => {
            return Err(StepError::transient(
                Reason::SigningKeyInvalid,
                "the key ring vanished while it was read",
            ));
        }
    };
    if changed {
        swap(&secrets, p, stored.as_ref(), &ring).await?;
        tracing::info!(epoch = ring.epoch, keys = ?ring.keys, "the key ring changed");
    }
    project(cx, p, &ring).await?;
    Ok(KeysApplied {
        epoch: ring.epoch,
        keys: ring.keys.iter().filter_map(view).collect(),
    })
}

/// Writes the ring over exactly the version that was read.
async fn swap(
    secrets: &Api<Secret>,
    p: &ValidatedPlatform,
    stored: Option<&Secret>,
    ring: &KeyRing,
) -> Result<(), StepError> {
    let name = format!("{}-keyring", p.name);
    let mut secret = secret(p, &name, RING, &ring.to_document());
    let written = match stored {
        None => secrets.create(&PostParams::default(), &secret).await,
        Some(stored) => {
            secret
                .metadata
                .resource_version
                .clone_from(&stored.metadata.resource_version);
            secrets
                .replace(&name, &PostParams::default(), &secret)
                .await
        }
    };
    written
        .map(drop)
        .map_err(|error| StepError::of_kube(&format!("Secret {}/{name}", p.namespace), &error))
}

/// What is computed from the ring; public keys first.
async fn project(cx: &Context, p: &ValidatedPlatform, ring: &KeyRing) -> Result<(), StepError> {
    let map = ConfigMap {
        metadata: metadata(p, format!("{}-jwks", p.name), None),
        data: Some(
            [(JWKS, jwks_json(ring)), (META, meta_json(ring))]
                .map(|(key, text)| (key.to_owned(), text))
                .into(),
        ),
        ..ConfigMap::default()
    };
    ensure(cx, &map).await?;
    let private = signing_jwk(ring).ok_or_else(|| {
        StepError::terminal(
            Reason::SigningKeyInvalid,
            format!(
                "the active key of Secret {}/{}-keyring has no private half",
                p.namespace, p.name
            ),
        )
    })?;
    ensure(
        cx,
        &secret(p, &format!("{}-signing", p.name), SIGNING, &private),
    )
    .await?;
    Ok(())
}

fn secret(p: &ValidatedPlatform, name: &str, key: &str, content: &SecretString) -> Secret {
    Secret {
        metadata: metadata(p, name.to_owned(), None),
        data: Some(
            [(
                key.to_owned(),
                ByteString(content.expose_secret().as_bytes().to_vec()),
            )]
            .into(),
        ),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

fn text(secret: &Secret, key: &str) -> Option<SecretString> {
    let value = secret.data.as_ref()?.get(key)?;
    String::from_utf8(value.0.clone())
        .ok()
        .map(SecretString::from)
}

/// A key pair, made where it blocks nobody.
async fn fresh(cx: &Context) -> Result<FreshKey, StepError> {
    let ids = cx.ids.clone();
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(BITS, ids.as_ref())).await;
    match made {
        Ok(Ok(key)) => Ok(FreshKey::from(&key)),
        Ok(Err(error)) => Err(StepError::transient(
            Reason::SigningKeyInvalid,
            error.to_string(),
        )),
        Err(_) => Err(StepError::transient(
            Reason::SigningKeyInvalid,
            "making a key was cut off",
        )),
    }
}

fn view(key: &RingKey) -> Option<SigningKeyStatus> {
    let time = |at: chrono::DateTime<chrono::Utc>| {
        Time(jiff::Timestamp::from_second(at.timestamp()).unwrap_or_default())
    };
    (key.state != KeyState::Retired).then(|| SigningKeyStatus {
        kid: key.kid.clone(),
        phase: format!("{:?}", key.state),
        published_at: key.published_at.map(time),
        activated_at: key.activated_at.map(time),
    })
}
