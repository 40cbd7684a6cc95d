//! What keeps pods from running, read from their status. Pure.

use crds::Reason;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

use super::StepError;

/// The first thing that keeps one of these pods from running, with what to do about it.
#[must_use]
pub fn trouble<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Option<StepError> {
    pods.into_iter().find_map(of_pod)
}

/// Whether all processes of a pod have ended for good.
#[must_use]
pub fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn of_pod(pod: &Pod) -> Option<StepError> {
    let status = pod.status.as_ref()?;
    let containers = status.container_statuses.iter().flatten();
    containers
        .into_iter()
        .find_map(|container| of_container(pod, container))
        .or_else(|| {
            let scheduled = status
                .conditions
                .iter()
                .flatten()
                .find(|condition| condition.type_ == "PodScheduled")?;
            (scheduled.status == "False").then(|| {
                StepError::waiting(
                    Reason::RolloutPending,
                    format!(
                        "no node takes pod {}: {}",
                        pod.name_any(),
                        scheduled.message.as_deref().unwrap_or("no reason given")
                    ),
                )
            })
        })
}

fn of_container(pod: &Pod, container: &ContainerStatus) -> Option<StepError> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
    match waiting.reason.as_deref()? {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
            Some(StepError::waiting(
                Reason::ImagePullFailed,
                format!(
                    "a node cannot get image {}; check spec.image and, for a private registry, spec.image.pullSecrets",
                    container.image
                ),
            ))
        }
        "CrashLoopBackOff" => {
            let code = container
                .last_state
                .as_ref()
                .and_then(|state| state.terminated.as_ref())
                .map_or_else(String::new, |ended| {
                    format!(" with exit code {}", ended.exit_code)
                });
            Some(StepError::waiting(
                Reason::PodsCrashing,
                format!(
                    "pod {name} ends again and again{code}; read why with: kubectl -n {namespace} logs {name} --previous"
                ),
            ))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(StepError::waiting(
                Reason::RolloutPending,
                format!(
                    "pod {name} cannot start: {}",
                    waiting.message.as_deref().unwrap_or("no reason given")
                ),
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::told::is_told;

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(
            json!({"metadata": {"name": "demo-web-1", "namespace": "crewdeck"}, "status": status}),
        )
        .expect("a pod")
    }

    fn waiting(reason: &str) -> Value {
        json!({"containerStatuses": [{
            "name": "crewdeck", "image": "r/c:no-such-tag", "imageID": "", "ready": false, "restartCount": 1,
            "state": {"waiting": {"reason": reason, "message": "why"}},
            "lastState": {"terminated": {"exitCode": 78}},
        }]})
    }

    #[rstest]
    #[case::pull("ImagePullBackOff", Reason::ImagePullFailed, "r/c:no-such-tag")]
    #[case::crash(
        "CrashLoopBackOff",
        Reason::PodsCrashing,
        "exit code 78; read why with: kubectl -n crewdeck logs demo-web-1"
    )]
    #[case::config(
        "CreateContainerConfigError",
        Reason::RolloutPending,
        "cannot start: why"
    )]
    fn each_trouble_names_its_remedy(
        #[case] state: &str,
        #[case] reason: Reason,
        #[case] words: &str,
    ) {
        let error = trouble([&pod(&waiting(state))]).expect("trouble");
        assert_eq!(error.reason, reason);
        assert!(error.message.contains(words), "{error}");
    }

    #[test]
    fn each_trouble_has_its_reason() {
        let of = |state: &str| trouble([&pod(&waiting(state))]).expect("trouble").reason;
        is_told(Reason::ImagePullFailed, of("ErrImagePull").as_str());
        is_told(Reason::PodsCrashing, of("CrashLoopBackOff").as_str());
        is_told(Reason::RolloutPending, of("CreateContainerError").as_str());
    }

    #[test]
    fn a_pod_without_a_node_says_why() {
        let status = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]});
        assert!(
            trouble([&pod(&status)])
                .expect("trouble")
                .message
                .contains("0/1 nodes")
        );
    }

    #[test]
    fn starting_and_running_are_no_trouble() {
        assert!(trouble([&pod(&waiting("ContainerCreating")), &pod(&json!({}))]).is_none());
    }
}
