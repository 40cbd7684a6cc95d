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
