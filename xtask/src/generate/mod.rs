//! Committed files that are made from code, one kind per file. A kind makes its files in memory; writing them and
//! comparing them with the committed ones is the same for all.

mod binary;
mod charts;
mod crds;
mod queries;

use crate::{check::Outcome, repo};
use anyhow::{Context as _, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What a kind makes. Paths are relative to the root.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Folders (and ends of file names) that hold nothing but files of this kind: a stray one is removed.
    owned: Vec<(PathBuf, &'static str)>,
    files: BTreeMap<PathBuf, String>,
}

/// One kind of generated file.
pub(crate) struct Kind {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    /// From what it is made, and where it goes.
    pub(crate) about: &'static str,
    make: fn() -> Result<Made>,
}

/// Every kind. The charts come after the CRDs, of which one is made.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "crds",
        about: "crate crds → crds/generated, charts/crewdeck-crds/templates",
        make: crds::make,
    },
    Kind {
        name: "manifests",
        about: "charts → manifests",
        make: charts::make,
    },
    Kind {
        name: "sqlx",
        about: "queries in the code, checked against the migrations → .sqlx",
        make: queries::make,
    },
    Kind {
        name: "openapi",
        about: "crewdeck openapi <role> → docs/openapi.json, docs/openapi-analytics.json",
        make: binary::openapi,
    },
    Kind {
        name: "events",
        about: "crewdeck schemas → docs/events",
        make: binary::events,
    },
    Kind {
        name: "config",
        about: "crewdeck config schema → docs/config.schema.json",
        make: binary::config,
    },
];

/// Whether the kind was asked for; all are when none is named.
fn chosen(only: &[String]) -> impl Iterator<Item = &'static Kind> {
    KINDS
        .iter()
        .filter(|kind| only.is_empty() || only.iter().any(|name| name == kind.name))
}

/// Writes the files and says which changed.
pub(crate) fn write(only: &[String]) -> Result<()> {
    for kind in chosen(only) {
        let made = (kind.make)().with_context(|| format!("generate {}", kind.name))?;
        let differences = compare(&made, repo::root())?;
        for (path, _) in &differences {
            let full = repo::root().join(path);
            match made.files.get(path) {
                Some(text) => {
                    if let Some(folder) = full.parent() {
                        fs::create_dir_all(folder)?;
                    }
                    fs::write(&full, text)
                }
                None => fs::remove_file(&full),
            }
            .with_context(|| format!("write {}", path.display()))?;
        }
        println!(
            "{:<10} {} files, {} changed  {}",
            kind.name,
            made.files.len(),
            differences.len(),
            kind.about
        );
        for (path, how) in differences {
            println!("           {} was {how}", path.display());
        }
    }
    Ok(())
}

/// Compares the committed files with what the code makes now; a kind that cannot be made is a finding too.
pub(crate) fn check(only: &[String]) -> Result<Outcome> {
    let mut findings = Vec::new();
    let mut count = 0;
    for kind in chosen(only) {
        match (kind.make)() {
            Ok(made) => {
                count += made.files.len();
                findings.extend(
                    compare(&made, repo::root())?
                        .into_iter()
                        .map(|(path, how)| {
                            format!(
                                "{} is {how}: `cargo xtask gen {}`",
                                path.display(),
                                kind.name
                            )
                        }),
                );
            }
            Err(error) => findings.push(format!("{}: {error:#}", kind.name)),
        }
    }
    Ok(Outcome::of(findings, format!("{count} files")))
}

/// The files that differ, and how.
fn compare(made: &Made, root: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut differences = Vec::new();
    for (path, text) in &made.files {
        match fs::read_to_string(root.join(path)) {
            Ok(present) if present == *text => {}
            Ok(_) => differences.push((path.clone(), "out of date")),
            Err(_) => differences.push((path.clone(), "missing")),
        }
    }
    for (folder, end) in &made.owned {
        for path in present(root, folder, end)? {
            if !made.files.contains_key(&path) {
                differences.push((path, "left over"));
            }
        }
    }
    Ok(differences)
}

/// The files of a folder whose name has this end. A missing folder has none.
fn present(root: &Path, folder: &Path, end: &str) -> Result<BTreeSet<PathBuf>> {
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        return Ok(BTreeSet::new());
    };
    let mut files = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        if name.to_string_lossy().ends_with(end) {
            files.insert(folder.join(name));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common_scratch::Folder;

    fn made(files: &[(&str, &str)]) -> Made {
        Made {
            owned: vec![(PathBuf::from("docs"), ".json")],
            files: files
                .iter()
                .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn tells_missing_stale_and_left_over_files() {
        let folder = Folder::new("generate").expect("a folder");
        let docs = folder.path().join("docs");
        fs::create_dir(&docs).expect("docs");
        for (name, text) in [
            ("same.json", "1"),
            ("old.json", "1"),
            ("stray.json", "1"),
            ("a.md", ""),
        ] {
            fs::write(docs.join(name), text).expect(name);
        }
        let made = made(&[
            ("docs/same.json", "1"),
            ("docs/old.json", "2"),
            ("docs/new.json", "1"),
        ]);
        let differences = compare(&made, folder.path()).expect("a comparison");
        let told: Vec<_> = differences
            .iter()
            .map(|(path, how)| (path.to_str().expect("Unicode"), *how))
            .collect();
        assert_eq!(
            told,
            [
                ("docs/new.json", "missing"),
                ("docs/old.json", "out of date"),
                ("docs/stray.json", "left over")
            ]
        );
    }

    #[test]
    fn a_missing_folder_holds_nothing() {
        let folder = Folder::new("generate").expect("a folder");
        assert_eq!(
            compare(&made(&[]), folder.path())
                .expect("a comparison")
                .len(),
            0
        );
    }
}
