//! Where the sample platform goes, and from which image: our own cluster, or one that the user has.

use super::{kubectl, process, product::Product, progress::Failure};
use anyhow::Result;
use std::process::Command;

/// A cluster and the image that its nodes can have.
#[derive(Debug)]
pub(crate) struct Target {
    existing: Option<String>,
    /// Registry and name of the image.
    pub(crate) repository: String,
    /// Its tag.
    pub(crate) tag: String,
}

impl Target {
    /// The local cluster, with the image that was just built and imported: its archive is free to go.
    pub(crate) fn local(product: Product) -> Self {
        Self {
            existing: None,
            repository: super::product::REPOSITORY.to_owned(),
            tag: product.tag,
        }
    }

    /// The cluster of the kubeconfig's current context, with an image from a registry that it can reach.
    pub(crate) fn existing(image: &str) -> Result<Self> {
        let Some((repository, tag)) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
        else {
            return Err(Failure::new(
                format!("--image {image} has no tag"),
                "give REPOSITORY:TAG, such as registry.example.org/crewdeck:0.1.0",
            )
            .into());
        };
        for program in ["kubectl", "helm"] {
            let found = std::env::split_paths(&crate::repo::env("PATH").unwrap_or_default())
                .any(|folder| folder.join(program).is_file());
            if !found {
                return Err(Failure::new(
                    format!("{program} is not in PATH"),
                    "install it: with --existing your own is used, with your kubeconfig",
                )
                .into());
            }
        }
        let name = process::output(Command::new("kubectl").args(["config", "current-context"]))
            .map_err(|_| {
                Failure::new(
                    "the kubeconfig has no current context",
                    "choose one: kubectl config use-context NAME",
                )
            })?;
        let name = name.trim();
        let target = Self {
            existing: Some(name.to_owned()),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        };
        process::output(target.kubectl().args(["version", "--request-timeout=10s"])).map_err(
            |error| {
                Failure::new(
                    format!("context {name} does not answer: {error:#}"),
                    format!("look with: kubectl --context {name} cluster-info"),
                )
            },
        )?;
        Ok(target)
    }

    /// The context of a cluster that the user has.
    pub(crate) fn context(&self) -> Option<&str> {
        self.existing.as_deref()
    }

    /// What a person types before kubectl's arguments.
    pub(crate) fn typed(&self) -> String {
        match &self.existing {
            Some(context) => format!("kubectl --context {context}"),
            None => "cargo xtask kubectl --".to_owned(),
        }
    }

    /// kubectl as an administrator of the cluster. The context is named each time: the kubeconfig's current one may be
    /// another by now.
    pub(crate) fn kubectl(&self) -> Command {
        match &self.existing {
            Some(context) => with("kubectl", "--context", context),
            None => kubectl(),
        }
    }

    /// Helm as an administrator of the cluster.
    pub(crate) fn helm(&self) -> Command {
        match &self.existing {
            Some(context) => with("helm", "--kube-context", context),
            None => super::helm(),
        }
    }
}

fn with(program: &str, option: &str, context: &str) -> Command {
    let mut command = Command::new(program);
    command.args([option, context]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_stays_the_one_that_was_shown() {
        let target = Target {
            existing: Some("staging".to_owned()),
            repository: "registry.example.org/crewdeck".to_owned(),
            tag: "0.1.0".to_owned(),
        };
        let words = |command: &Command| -> Vec<String> {
            std::iter::once(command.get_program())
                .chain(command.get_args())
                .map(|word| word.to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(
            words(&target.kubectl()),
            ["kubectl", "--context", "staging"]
        );
        assert_eq!(words(&target.helm()), ["helm", "--kube-context", "staging"]);
        assert_eq!(target.typed(), "kubectl --context staging");
    }

    #[test]
    fn a_port_is_no_tag() {
        let error = Target::existing("registry.example.org:5000/crewdeck").expect_err("no tag");
        assert!(error.to_string().contains("has no tag"), "{error}");
    }
}
