//! Secret `P-web`: what role `web` keeps to itself. Made once, since links and pages signed with it live on.

use k8s_openapi::ByteString;

use crate::platform::{Context, StepError, apply::kube::create_once, validate::ValidatedPlatform};

/// Makes Secret `P-web` with a random `cursor.key` where there is none.
///
/// # Errors
/// What the API server says.
pub async fn ensure_web_secret(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    let key = || ByteString(cx.ids.token(32).into_bytes());
    create_once(cx, p, format!("{}-web", p.name), || {
        [("cursor.key".to_owned(), key())].into()
    })
    .await
}
