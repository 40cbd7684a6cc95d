//! Which pods use a login already.

use async_trait::async_trait;

use crate::platform::{PodState, States, StepError, build::Client};

/// Who uses which login.
#[async_trait]
pub(crate) trait Usage: Send + Sync {
    /// The pods that may still use another generation of the client's login than `epoch`.
    async fn behind(&self, client: &str, epoch: u64) -> Result<Vec<String>, StepError>;
}

#[async_trait]
impl Usage for States<'_> {
    async fn behind(&self, client: &str, epoch: u64) -> Result<Vec<String>, StepError> {
        let pods = self.get().await?.iter();
        let behind: Vec<&PodState> = pods.filter(|pod| is_behind(pod, client, epoch)).collect();
        self.hurry(&behind, client, epoch).await;
        Ok(behind.iter().map(|pod| pod.name.clone()).collect())
    }
}

/// Whether a pod has the client's login and does not tell that it uses this generation. A pod of the migration tells
/// nothing: it uses its login until it has ended.
fn is_behind(pod: &PodState, client: &str, epoch: u64) -> bool {
    let clients = pod.role.map_or(Client::MIGRATION, Client::of);
    let has = clients.iter().any(|has| has.as_str() == client);
    let uses = pod.state["credentials"][client].as_u64();
    has && uses != Some(epoch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::Role;

    #[test]
    fn a_pod_follows_when_it_says_so_and_only_if_it_has_the_login() {
        let pod = |role, state| PodState::of_test(role, state);
        let said = |epoch: u64| json!({"credentials": {"db-app": epoch}});
        assert!(is_behind(&pod(Some(Role::Web), said(1)), "db-app", 2));
        assert!(!is_behind(&pod(Some(Role::Web), said(2)), "db-app", 2));
        assert!(
            is_behind(&pod(Some(Role::Web), said(3)), "db-app", 2),
            "of a Secret that was put back"
        );
        assert!(is_behind(&pod(Some(Role::Web), json!(null)), "db-app", 2));
        assert!(!is_behind(
            &pod(Some(Role::Analytics), said(1)),
            "db-app",
            2
        ));
        assert!(is_behind(&pod(None, json!(null)), "db-migrator", 1));
        assert!(!is_behind(&pod(None, json!(null)), "db-app", 1));
    }
}
