//! The licences of everything that is built, against the list in `deny.toml`.

use super::{
    Outcome,
    tree::{self, Tree},
};
use crate::repo;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The part of `deny.toml` that is read here.
#[derive(Debug, Deserialize)]
struct Config {
    licenses: Licences,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

/// Packages whose manifest only names a file: name, licence, the version at which the file was read.
const READ: &[(&str, &str, &str)] = &[("cloudevents-sdk", "Apache-2.0", "v0.9.0")];

/// Compares every package with the list.
pub(super) fn run() -> Result<Outcome> {
    let config: Config = toml::from_str(&repo::read("deny.toml")?).context("read deny.toml")?;
    let tree = tree::load()?;
    let distinct: BTreeSet<&str> = tree.values().map(|entry| entry.licence.as_str()).collect();
    Ok(Outcome::of(
        judge(&tree, &config.licenses.allow),
        format!("{} packages, {} expressions", tree.len(), distinct.len()),
    ))
}

/// The packages whose expression the list does not satisfy.
fn judge(tree: &Tree, allow: &BTreeSet<String>) -> Vec<String> {
    tree.iter()
        .filter(|((name, version), entry)| {
            let read = READ
                .iter()
                .find(|(package, _, at)| name == package && version == at)
                .map_or(entry.licence.as_str(), |(_, licence, _)| licence);
            !satisfied(read, allow)
        })
        .map(|((name, version), entry)| {
            format!(
                "{name} {version}: the licence {:?} is not on the list of deny.toml",
                entry.licence
            )
        })
        .collect()
}

/// Whether the list satisfies an SPDX expression. `A/B`, the old spelling, means `A OR B`.
fn satisfied(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let result = any_of(&mut words, allow);
    result == Some(true) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// `a OR b …`; `None` when it does not parse.
fn any_of(words: &mut Words<'_>, allow: &BTreeSet<String>) -> Option<bool> {
    let mut result = all_of(words, allow)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= all_of(words, allow)?;
    }
    Some(result)
}

/// `a AND b …`, which binds tighter.
fn all_of(words: &mut Words<'_>, allow: &BTreeSet<String>) -> Option<bool> {
    let mut result = one(words, allow)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allow)?;
    }
    Some(result)
}

/// A licence, with its exception, or an expression in parentheses.
fn one(words: &mut Words<'_>, allow: &BTreeSet<String>) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let inner = any_of(words, allow)?;
        return words.next_if_eq(&")").map(|_| inner);
    }
    if words.next_if_eq(&"WITH").is_some() {
        return Some(allow.contains(&format!("{word} WITH {}", words.next()?)));
    }
    Some(allow.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(expression: &str) -> bool {
        let allow = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"];
        satisfied(expression, &allow.map(str::to_owned).into())
    }

    #[test]
    fn accepts_what_the_list_satisfies() {
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "MIT AND Zlib",
            "(GPL-3.0 OR MIT) AND Zlib",
            "GPL-3.0 OR MIT AND Zlib",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(passes(expression), "{expression}");
        }
    }

    #[test]
    fn rejects_what_it_does_not() {
        for expression in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(GPL-3.0 OR AGPL-3.0) AND Zlib",
            "Apache-2.0",
            "MIT WITH LLVM-exception",
            "(MIT",
            "MIT Zlib",
        ] {
            assert!(!passes(expression), "{expression}");
        }
    }
}
