//! What became of signing keys and logins between two statuses. Pure; derived, so that no crash loses it.

use crds::{CredentialStatus, PlatformStatus, SigningKeyStatus};

/// Reason and note of each step.
pub(super) fn steps(
    before: &PlatformStatus,
    after: &PlatformStatus,
) -> Vec<(&'static str, String)> {
    let mut steps: Vec<_> = after
        .signing_keys
        .iter()
        .filter_map(|key| entered(before, key))
        .collect();
    let gone = |key: &&SigningKeyStatus| after.signing_keys.iter().all(|now| now.kid != key.kid);
    let retired = before.signing_keys.iter().filter(gone);
    steps.extend(retired.map(|key| {
        (
            "KeyRetired",
            format!("key {} has left the key set", key.kid),
        )
    }));
    steps.extend(
        after
            .credentials
            .iter()
            .filter_map(|login| changed(before, login)),
    );
    steps
}

/// A key that is in another phase than before.
fn entered(before: &PlatformStatus, key: &SigningKeyStatus) -> Option<(&'static str, String)> {
    let was = before.signing_keys.iter().find(|was| was.kid == key.kid);
    if was.is_some_and(|was| was.phase == key.phase) {
        return None;
    }
    let kid = &key.kid;
    match key.phase.as_str() {
        "Published" => Some(("KeyPublished", format!("key {kid} is in the key set"))),
        "Active" => Some(("KeyActivated", format!("key {kid} signs"))),
        "Revoked" => {
            let why = key.reason.as_deref().map(|why| format!(": {why}"));
            let why = why.unwrap_or_default();
            Some(("KeyRevoked", format!("key {kid} is denied{why}")))
        }
        _ => None,
    }
}

/// A login that was changed, or whose former one has ended. The first one is no change.
fn changed(before: &PlatformStatus, login: &CredentialStatus) -> Option<(&'static str, String)> {
    let client = &login.client;
    let was = before
        .credentials
        .iter()
        .find(|was| was.client == *client)?;
    if was.issued_at.is_some() && was.issued_at != login.issued_at {
        return Some(("LoginChanged", format!("{client} has a new login")));
    }
    let ended = was.phase == "Draining" && login.phase == "Active";
    ended.then(|| {
        (
            "FormerLoginEnded",
            format!("the former login of {client} was ended"),
        )
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn key(kid: &str, phase: &str) -> SigningKeyStatus {
        SigningKeyStatus {
            kid: kid.to_owned(),
            phase: phase.to_owned(),
            published_at: None,
            activated_at: None,
            quiet_at: None,
            acknowledged: None,
            reason: None,
        }
    }

    fn login(phase: &str, issued: i64) -> CredentialStatus {
        CredentialStatus {
            client: "db-app".to_owned(),
            login: format!("demo_app_{issued}"),
            epoch: issued,
            phase: phase.to_owned(),
            issued_at: jiff::Timestamp::from_second(issued).ok().map(Time),
            message: None,
        }
    }

    fn status(keys: &[SigningKeyStatus], login: CredentialStatus) -> PlatformStatus {
        PlatformStatus {
            signing_keys: keys.to_vec(),
            credentials: vec![login],
            ..PlatformStatus::default()
        }
    }

    #[test]
    fn why_a_key_is_denied_is_told() {
        let before = status(&[key("a", "Active")], login("Active", 1));
        let stolen = SigningKeyStatus {
            reason: Some("a laptop was stolen".to_owned()),
            ..key("a", "Revoked")
        };
        let after = status(&[stolen], login("Active", 1));
        let told = [(
            "KeyRevoked",
            "key a is denied: a laptop was stolen".to_owned(),
        )];
        assert_eq!(steps(&before, &after), told);
    }

    #[test]
    fn each_step_is_told_once() {
        let reasons = |before: &PlatformStatus, after: &PlatformStatus| -> Vec<_> {
            steps(before, after)
                .into_iter()
                .map(|(reason, _)| reason)
                .collect()
        };
        let first = status(
            &[key("a", "Active"), key("b", "Published")],
            login("Active", 1),
        );
        let born = ["KeyActivated", "KeyPublished"];
        assert_eq!(reasons(&PlatformStatus::default(), &first), born);
        assert!(reasons(&first, &first).is_empty());
        let second = status(
            &[
                key("a", "Retiring"),
                key("b", "Active"),
                key("c", "Published"),
            ],
            login("Draining", 2),
        );
        let turned = ["KeyActivated", "KeyPublished", "LoginChanged"];
        assert_eq!(reasons(&first, &second), turned);
        let third = status(
            &[key("b", "Revoked"), key("c", "Active")],
            login("Active", 2),
        );
        let ended = [
            "KeyRevoked",
            "KeyActivated",
            "KeyRetired",
            "FormerLoginEnded",
        ];
        assert_eq!(reasons(&second, &third), ended);
    }
}
