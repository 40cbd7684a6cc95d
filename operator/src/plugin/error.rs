//! What can go wrong, in words that say what to do.

use std::{error::Error as StdError, io};

use kube::config::KubeconfigError;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Platform is not Ready. The answer is printed already; it only makes the exit code.
    #[error("not Ready")]
    NotReady,
    /// No cluster is named, or not in a way that can be used.
    #[error(
        "no cluster to ask: {}. Name one with --kubeconfig FILE and --context CONTEXT, with the variable KUBECONFIG, or in \
         ~/.kube/config", with_sources(.0)
    )]
    NoCluster(#[source] KubeconfigError),
    /// The cluster of the kubeconfig cannot be reached, or does not know who asks.
    #[error("{what}: {why}. {remedy}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// What came instead.
        why: String,
        /// What to look at.
        remedy: &'static str,
    },
    /// Whoever asks lacks a right.
    #[error(
        "you may not {verb} {resource} in namespace {namespace}: {said}. Ask whoever runs the cluster for that right; \
         it is there when this says yes: kubectl auth can-i {verb} {resource} --namespace {namespace}"
    )]
    Forbidden {
        /// Such as `list`.
        verb: &'static str,
        /// Such as `platforms.crewdeck.io`.
        resource: &'static str,
        /// Where.
        namespace: String,
        /// The server's words.
        said: String,
    },
    /// The cluster has no resource `Platform`.
    #[error(
        "this cluster does not define platforms.crewdeck.io; install it with: helm install crewdeck-crds \
         charts/crewdeck-crds --namespace crewdeck-system --create-namespace"
    )]
    NotDefined,
    /// Something that was asked for cannot be done, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Write(#[from] io::Error),
}

impl Error {
    /// Something that cannot be done, for this reason.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    /// Whether nobody reads the answer any more.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// One request: what is said of it when it fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Such as `list`.
    pub(super) verb: &'static str,
    /// Such as `platforms.crewdeck.io`.
    pub(super) resource: &'static str,
    /// Where.
    pub(super) namespace: &'a str,
}

impl Asked<'_> {
    /// The error of a request that failed.
    pub(super) fn failed(&self, error: &kube::Error) -> Error {
        let Self {
            verb,
            resource,
            namespace,
        } = *self;
        let what = format!("cannot {verb} {resource} in namespace {namespace}");
        match error {
            kube::Error::Api(status) if status.code == 403 => Error::Forbidden {
                verb,
                resource,
                namespace: namespace.to_owned(),
                said: words(error),
            },
            kube::Error::Api(status) if status.code == 401 => Error::Unreachable {
                what,
                why: "the cluster does not know you".to_owned(),
                remedy: "Log in again: the token or certificate of this context is not valid, or not valid any more",
            },
            kube::Error::Api(status) if status.code == 404 && resource == super::find::RESOURCE => {
                Error::NotDefined
            }
            kube::Error::Api(_) => Error::refused(format!("{what}: {}", words(error))),
            kube::Error::SerdeError(error) => Error::refused(format!(
                "{what}: the answer cannot be read ({error}); use a kubectl-crewdeck of the operator's version"
            )),
            other => Error::Unreachable {
                what,
                why: with_sources(other),
                remedy: "Look whether the cluster of this context answers: kubectl cluster-info",
            },
        }
    }
}

/// What a request failed with, in the server's words where it is the server that refuses.
pub(super) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.trim_end().to_owned(),
        other => with_sources(other),
    }
}

/// An error with what is behind it, each told once.
pub(super) fn with_sources(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use rstest::rstest;

    use super::*;

    const LIST: Asked<'static> = Asked {
        verb: "list",
        resource: "platforms.crewdeck.io",
        namespace: "crewdeck",
    };

    #[rstest]
    #[case::right(
        403,
        "kubectl auth can-i list platforms.crewdeck.io --namespace crewdeck"
    )]
    #[case::login(401, "Log in again")]
    #[case::definition(404, "helm install crewdeck-crds")]
    #[case::other(500, "cannot list platforms.crewdeck.io in namespace crewdeck: why")]
    fn each_answer_says_what_to_do(#[case] code: u16, #[case] words: &str) {
        let status = Status::failure("why", "").with_code(code);
        let error = LIST.failed(&kube::Error::Api(status.boxed()));
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn what_is_behind_an_error_is_told_once() {
        let inner = io::Error::other("refused by 127.0.0.1:1");
        let outer = Error::Write(inner);
        assert_eq!(
            with_sources(&outer),
            "cannot write the answer: refused by 127.0.0.1:1"
        );
    }
}
