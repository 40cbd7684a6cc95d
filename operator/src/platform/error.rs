//! Why a step did not get done, in words for the one who can mend it.

use crds::Reason;

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// May pass by itself: tried again with growing pauses.
    Transient,
    /// Something takes its time or is to come: looked at again soon.
    Waiting,
    /// Something is to come that wakes the operator: looked at as regularly as what stands.
    Told,
    /// Stays until the spec or what it names changes.
    Terminal,
}

/// A step that did not get done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct StepError {
    /// Reason of the condition.
    pub reason: Reason,
    /// One line: what is wrong and how to mend it. Never a secret.
    pub message: String,
    /// What follows.
    pub class: Class,
}

impl StepError {
    /// An error that may pass by itself.
    pub fn transient(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            class: Class::Transient,
        }
    }

    /// Something that takes its time.
    pub fn waiting(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            class: Class::Waiting,
        }
    }

    /// Something whose end wakes the operator.
    pub fn told(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            class: Class::Told,
        }
    }

    /// An error that somebody has to mend.
    pub fn terminal(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            class: Class::Terminal,
        }
    }

    /// An answer of the API server about `what`, such as `Secret crewdeck/demo-web`.
    #[must_use]
    pub fn of_kube(what: &str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 403 && what.starts_with("Secret") => {
                Self::terminal(
                    Reason::SecretForbidden,
                    format!(
                        "the operator may not use {what}: {}; install the chart crewdeck-platform, which grants \
                         exactly the names of one Platform, or apply what `kubectl crewdeck grant` prints",
                        status.message
                    ),
                )
            }
            // A missing right, a quota or an admission rule: the server's words tell which.
            kube::Error::Api(status) if status.code == 403 => Self::terminal(
                Reason::ApplyRefused,
                format!("Kubernetes forbids {what}: {}", status.message),
            ),
            kube::Error::Api(status) if matches!(status.code, 400 | 422) => Self::terminal(
                Reason::ApplyRefused,
                format!("Kubernetes refuses {what}: {}", status.message),
            ),
            // In plain text, without a reason: not the object is missing, but its kind.
            kube::Error::Api(status) if status.code == 404 && status.reason != "NotFound" => {
                Self::waiting(
                    Reason::KindNotInstalled,
                    format!(
                        "the cluster has no longer the kind of {what}; install its definition again"
                    ),
                )
            }
            kube::Error::Api(status) => Self::transient(
                Reason::ApiUnavailable,
                format!("{what}: {} ({})", status.message, status.code),
            ),
            other => Self::transient(Reason::ApiUnavailable, format!("{what}: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use kube::Api;

    use super::*;
    use crate::{
        platform::{apply::kube::ensure, metadata::metadata, validate::sample::sample},
        testing::Api as Server,
        told::is_told,
    };

    const MAPS: &str = "/api/v1/namespaces/crewdeck/configmaps";

    /// What comes of an object of ours.
    async fn applied(server: &Server) -> StepError {
        let map = ConfigMap {
            metadata: metadata(&sample(), "demo-web-config".to_owned(), None),
            ..ConfigMap::default()
        };
        let error = ensure(&server.context(), &map).await;
        error.expect_err("not applied")
    }

    #[tokio::test]
    async fn what_the_api_server_refuses_is_told_apart_from_its_being_away() {
        let server = Server::default();
        server.break_down(MAPS);
        let away = applied(&server).await;
        is_told(Reason::ApiUnavailable, away.reason.as_str());
        assert_eq!(away.class, Class::Transient);
        server.repair();
        server.forbid(MAPS);
        let refused = applied(&server).await;
        is_told(Reason::ApplyRefused, refused.reason.as_str());
        assert_eq!(refused.class, Class::Terminal);
        assert!(
            refused
                .message
                .contains("ConfigMap crewdeck/demo-web-config"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_secret_that_may_not_be_read_names_the_grant() {
        let server = Server::default();
        server.forbid("/api/v1/namespaces/crewdeck/secrets");
        let secrets: Api<Secret> = Api::namespaced(server.client(), "crewdeck");
        let refused = secrets.get("demo-web").await.expect_err("forbidden");
        let error = StepError::of_kube("Secret crewdeck/demo-web", &refused);
        is_told(Reason::SecretForbidden, error.reason.as_str());
        assert!(error.message.contains("kubectl crewdeck grant"), "{error}");
    }
}
