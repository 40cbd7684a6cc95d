//! The packages that are really built, with licence and parents, read from `cargo tree`: unlike the resolve of
//! `cargo metadata` it leaves out what no chosen feature needs.

use crate::repo;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use xshell::{Shell, cmd};

/// One package of one version.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The SPDX expression, empty when the manifest has none.
    pub(super) licence: String,
    /// Names of the packages that depend on it directly.
    pub(super) parents: BTreeSet<String>,
    /// Where it comes from, when that is not crates.io: a folder or an address.
    pub(super) origin: Option<String>,
}

/// Name and version to entry.
pub(super) type Tree = BTreeMap<(String, String), Entry>;

/// Everything the workspace builds on Linux, with all features, for programs, build scripts and tests.
pub(super) fn load() -> Result<Tree> {
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    let format = "{p}|{l}";
    let text = cmd!(
        shell,
        "cargo tree --workspace --all-features --locked --target x86_64-unknown-linux-gnu
            --edges normal,build,dev --prefix depth --format {format}"
    )
    .quiet()
    .read()?;
    parse(&text)
}

/// Reads lines like `2serde v1.0.0 (proc-macro)|MIT OR Apache-2.0 (*)`, where the number is the depth.
fn parse(text: &str) -> Result<Tree> {
    let mut tree = Tree::new();
    let mut path: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let unreadable = || format!("read the line of cargo tree: {line}");
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let depth: usize = line[..digits].parse().with_context(unreadable)?;
        let (package, licence) = line[digits..].split_once('|').with_context(unreadable)?;
        let licence = licence.trim_end_matches("(*)").trim();
        let mut words = package.split(' ');
        let name = words.next().with_context(unreadable)?.to_owned();
        let version = words.next().with_context(unreadable)?.to_owned();
        let origin = words
            .map(|word| word.trim_matches(['(', ')']))
            .find(|word| word.contains('/'))
            .map(str::to_owned);
        path.truncate(depth);
        let entry = tree.entry((name.clone(), version)).or_default();
        licence.clone_into(&mut entry.licence);
        entry.origin = origin;
        entry.parents.extend(path.last().cloned());
        path.push(name);
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_depths_as_parents() {
        let tree = parse(
            "0a v0.1.0 (/src/a)|Apache-2.0\n1b v2.0.0 (proc-macro)|MIT\n2c v3.0.0|Zlib\n1c v3.0.0|Zlib (*)\n\n\
             0d v0.1.0 (https://example.org/d?rev=1#abc)|\n",
        )
        .expect("a tree");
        let get = |name: &str, version: &str| &tree[&(name.to_owned(), version.to_owned())];
        assert_eq!(get("a", "v0.1.0").origin.as_deref(), Some("/src/a"));
        assert_eq!(get("b", "v2.0.0").origin, None);
        assert_eq!(get("c", "v3.0.0").licence, "Zlib");
        assert_eq!(
            get("c", "v3.0.0").parents,
            BTreeSet::from(["a".to_owned(), "b".to_owned()])
        );
        assert!(
            get("d", "v0.1.0")
                .origin
                .as_deref()
                .is_some_and(|o| o.starts_with("https"))
        );
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        assert!(parse("error: no such thing\n").is_err());
    }
}
