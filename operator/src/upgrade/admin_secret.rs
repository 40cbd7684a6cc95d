//! Secret `P-admin`: login of the first administrator, for the migration that makes them and for the person who
//! signs in first. It comes with the first tables and never again.

use k8s_openapi::ByteString;

use crate::platform::{Context, StepError, apply::kube::create_once, validate::ValidatedPlatform};

/// Makes the Secret where there is none; one that is there is never changed.
pub(super) async fn ensure(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    create_once(cx, p, format!("{}-admin", p.name), || {
        [
            ("email", email(&p.public_url)),
            ("password", cx.ids.token(18)),
        ]
        .map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())))
        .into()
    })
    .await
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
