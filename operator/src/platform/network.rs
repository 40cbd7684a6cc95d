//! The policies around the pods: there before the first pod, and gone when they are not wanted.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::{
    Context, StepError,
    apply::kube::{keep, remove},
    build::{network_policies, network_policy_names},
    validate::ValidatedPlatform,
};

/// Makes the policies, or takes them away. `brokers` are the addresses of Kafka's brokers.
///
/// # Errors
/// What the API server says.
pub(super) async fn shut_in(
    cx: &Context,
    p: &ValidatedPlatform,
    brokers: &[String],
) -> Result<(), StepError> {
    if !p.network_policy.enabled {
        for name in network_policy_names(p) {
            remove::<NetworkPolicy>(cx, p, &name).await?;
        }
        return Ok(());
    }
    for policy in network_policies(p, brokers) {
        keep(cx, &policy).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::validate::sample::sample, testing::Api as Server};

    #[tokio::test]
    async fn they_are_made_once_and_taken_away_once() {
        let server = Server::default();
        let (cx, mut p) = (server.context(), sample());
        let path = "/apis/networking.k8s.io/v1/namespaces/crewdeck/networkpolicies/demo-web";
        for _ in 0..2 {
            shut_in(&cx, &p, &[]).await.expect("made");
        }
        assert!(server.object(path).is_some());
        assert_eq!(server.writes(), 7);
        p.network_policy.enabled = false;
        for _ in 0..2 {
            shut_in(&cx, &p, &[]).await.expect("taken away");
        }
        assert_eq!((server.object(path), server.writes()), (None, 14));
    }
}
