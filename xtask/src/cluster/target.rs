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
    /// The local cluster, with the image that was just built and imported.
    pub(crate) fn local(product: &Product) -> Self {
        Self {
            existing: None,
            repository: super::product::REPOSITORY.to_owned(),
            tag: product.tag.clone(),
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
        let target = Self {
            existing: Some(name.clone()),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        };
        process::output(target.kubectl().args(["version", "--request-timeout=10s"])).map_err(
            |error| {
                Failure::new(
                    format!("context {name} does not answer: {error:#}"),
                    "look with: kubectl cluster-info",
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
    pub(crate) fn typed(&self) -> &'static str {
        match self.existing {
            Some(_) => "kubectl",
            None => "cargo xtask kubectl --",
        }
    }

    /// kubectl as an administrator of the cluster.
    pub(crate) fn kubectl(&self) -> Command {
        match self.existing {
            Some(_) => Command::new("kubectl"),
            None => kubectl(),
        }
    }

    /// Helm as an administrator of the cluster.
    pub(crate) fn helm(&self) -> Command {
        match self.existing {
            Some(_) => Command::new("helm"),
            None => super::helm(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        let error = Target::existing("registry.example.org:5000/crewdeck").expect_err("no tag");
        assert!(error.to_string().contains("has no tag"), "{error}");
    }
}
