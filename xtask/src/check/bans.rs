//! The bans, wrappers and sources of `deny.toml`, read the way cargo-deny reads them. Where cargo-deny is installed it
//! is asked as well; known vulnerabilities need its database, so without it that one step is skipped, and says so.

use super::{
    Outcome,
    metadata::Metadata,
    tree::{self, Entry, Tree},
};
use crate::repo;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use xshell::{Shell, cmd};

/// The part of `deny.toml` that is checked here.
#[derive(Debug, Deserialize)]
struct Config {
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

/// A crate that nobody may use, or only its wrappers.
#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

/// Compares what is built with the bans.
pub(super) fn run() -> Result<Outcome> {
    let config: Config = toml::from_str(&repo::read("deny.toml")?).context("read deny.toml")?;
    let tree = tree::load()?;
    let mut findings = judge(&config.bans.deny, &tree);
    findings.extend(sources(&tree, &repo::root().to_string_lossy()));
    findings.extend(wildcards(&Metadata::load()?));
    Ok(Outcome::of(
        findings,
        format!("{} packages, {} bans", tree.len(), config.bans.deny.len()),
    ))
}

/// Banned packages, and restricted ones below somebody else than their wrappers.
fn judge(bans: &[Ban], tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for ban in bans {
        for ((name, version), Entry { parents, .. }) in tree {
            if *name != ban.name {
                continue;
            }
            if ban.wrappers.is_empty() {
                findings.push(format!("{name} {version} is banned: {}", ban.reason));
            }
            for parent in parents {
                if !ban.wrappers.is_empty() && !ban.wrappers.contains(parent) {
                    findings.push(format!("{parent} may not use {name}: {}", ban.reason));
                }
            }
        }
    }
    findings
}

/// Packages that come neither from crates.io nor from this repository.
fn sources(tree: &Tree, root: &str) -> Vec<String> {
    tree.iter()
        .filter_map(|((name, version), entry)| {
            let origin = entry.origin.as_deref()?;
            (!origin.starts_with(root))
                .then(|| format!("{name} {version} comes from {origin}: only crates.io is allowed"))
        })
        .collect()
}

/// Requirements that any version meets.
fn wildcards(metadata: &Metadata) -> Vec<String> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            if dependency.req == "*" && dependency.path.is_none() {
                findings.push(format!(
                    "{}: {} has the version \"*\"; name one",
                    package.name, dependency.name
                ));
            }
        }
    }
    findings
}

/// Asks cargo-deny for everything it knows, known vulnerabilities above all.
pub(super) fn advisories() -> Result<Outcome> {
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    if cmd!(shell, "cargo deny --version")
        .quiet()
        .ignore_stderr()
        .read()
        .is_err()
    {
        return Ok(Outcome::skipped(
            "cargo-deny is not installed: `cargo install --locked cargo-deny`",
        ));
    }
    let failed = cmd!(shell, "cargo deny --workspace --all-features check")
        .quiet()
        .run()
        .is_err();
    let findings = if failed {
        vec!["see above; again with `cargo deny --workspace --all-features check`".to_owned()]
    } else {
        Vec::new()
    };
    Ok(Outcome::of(findings, String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, parent: &str, origin: Option<&str>) -> Tree {
        let entry = Entry {
            licence: "MIT".to_owned(),
            parents: [parent.to_owned()].into(),
            origin: origin.map(str::to_owned),
        };
        Tree::from([((name.to_owned(), "v1.0.0".to_owned()), entry)])
    }

    fn ban(name: &str, wrappers: &[&str]) -> Ban {
        Ban {
            name: name.to_owned(),
            wrappers: wrappers.iter().map(|w| (*w).to_owned()).collect(),
            reason: "why".to_owned(),
        }
    }

    #[test]
    fn a_banned_crate_is_found_below_anybody() {
        let bans = [ban("ring", &[])];
        assert_eq!(
            judge(&bans, &tree("ring", "rustls", None)),
            ["ring v1.0.0 is banned: why"]
        );
        assert_eq!(
            judge(&bans, &tree("rustls", "a", None)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_restricted_crate_is_found_below_strangers_only() {
        let bans = [ban("redis", &["common-cache"])];
        assert_eq!(
            judge(&bans, &tree("redis", "common-cache", None)),
            Vec::<String>::new()
        );
        assert_eq!(
            judge(&bans, &tree("redis", "api-server-users", None)),
            ["api-server-users may not use redis: why"]
        );
    }

    #[test]
    fn only_this_repository_and_the_registry() {
        assert_eq!(sources(&tree("a", "b", None), "/src").len(), 0);
        assert_eq!(sources(&tree("a", "b", Some("/src/a")), "/src").len(), 0);
        let git = Some("https://example.org/a?rev=1#abc");
        assert_eq!(sources(&tree("a", "b", git), "/src").len(), 1);
    }
}
