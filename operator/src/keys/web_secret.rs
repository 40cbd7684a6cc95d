//! Secret `P-web`: what role `web` keeps to itself. Made once, since links and pages signed with it live on.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, api::PostParams};

use crate::platform::{Context, StepError, apply::kube::metadata, validate::ValidatedPlatform};

/// Makes Secret `P-web` with a random `cursor.key` where there is none.
///
/// # Errors
/// What the API server says.
pub async fn ensure_web_secret(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    let name = format!("{}-web", p.name);
    let api: Api<Secret> = Api::namespaced(cx.client.clone(), &p.namespace);
    let what = format!("Secret {}/{name}", p.namespace);
    if api
        .get_opt(&name)
        .await
        .map_err(|error| StepError::of_kube(&what, &error))?
        .is_some()
    {
        return Ok(());
    }
    let key = ByteString(cx.ids.token(32).into_bytes());
    let secret = Secret {
        metadata: metadata(p, name, None),
        data: Some([("cursor.key".to_owned(), key)].into()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    match api.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok(()),
        // Somebody was faster; theirs stays.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(StepError::of_kube(&what, &error)),
    }
}
