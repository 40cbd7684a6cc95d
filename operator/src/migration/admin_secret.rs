//! Secret `P-admin`: login of the first administrator, for the migration that makes them and for the person who
//! signs in first.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, api::PostParams};

use crate::platform::{Context, StepError, apply::kube::metadata, validate::ValidatedPlatform};

/// Makes the Secret where there is none; one that is there is never changed.
pub(super) async fn ensure(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    let name = format!("{}-admin", p.name);
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
    let email = email(&p.public_url);
    let secret = Secret {
        metadata: metadata(p, name, None),
        data: Some(
            [("email", email), ("password", cx.ids.token(18))]
                .map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())))
                .into(),
        ),
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

/// `admin@` the host of the public address; an address of digits has no mail, so `localhost.localdomain` there.
fn email(public_url: &str) -> String {
    let host = public_url
        .split_once("://")
        .map_or(public_url, |(_, rest)| rest)
        .split(['/', ':', '?'])
        .next()
        .unwrap_or_default();
    let named = host.contains('.') && host.chars().any(|c| c.is_ascii_alphabetic());
    format!(
        "admin@{}",
        if named { host } else { "localhost.localdomain" }
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case("https://crew.example.org", "admin@crew.example.org")]
    #[case("https://crew.example.org:8443/team", "admin@crew.example.org")]
    #[case("http://127.0.0.1:18080", "admin@localhost.localdomain")]
    #[case("http://localhost", "admin@localhost.localdomain")]
    fn the_address_has_a_domain(#[case] url: &str, #[case] email: &str) {
        assert_eq!(super::email(url), email);
    }
}
