//! Dependencies that no source names.
//!
//! A name counts when it stands alone in code (`serde::`, `use serde;`, `#[serde(..)]`). What is needed without being
//! named (a feature switched on for somebody else) is listed with its reason in `[package.metadata.unused]`.

use super::{
    Outcome,
    metadata::{Metadata, Package},
    sources::Source,
};
use crate::repo;
use std::path::Path;

/// Looks for every dependency of every member.
pub(super) fn run(metadata: &Metadata, sources: &[Source]) -> Outcome {
    let mut findings = Vec::new();
    let mut count = 0;
    let folders: Vec<_> = metadata.packages.iter().map(Package::folder).collect();
    for package in &metadata.packages {
        let folder = package.folder();
        let own: Vec<&Source> = sources
            .iter()
            .filter(|source| owner(&folders, &repo::root().join(&source.path)) == Some(&folder))
            .collect();
        count += package.dependencies.len();
        findings.extend(judge(package, &own));
    }
    Outcome::of(findings, format!("{count} dependencies, each one named"))
}

/// The innermost package folder that holds the file.
fn owner<'a>(folders: &'a [std::path::PathBuf], file: &Path) -> Option<&'a std::path::PathBuf> {
    folders
        .iter()
        .filter(|folder| file.starts_with(folder))
        .max_by_key(|folder| folder.components().count())
}

/// The findings of one package: unnamed dependencies, dev-dependencies in disguise, and stale exceptions.
fn judge(package: &Package, sources: &[&Source]) -> Vec<String> {
    let exceptions = package.metadata.as_ref().map(|data| &data.unused);
    let excepted = |name: &str| exceptions.is_some_and(|map| map.contains_key(name));
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.ident();
        let named = sources.iter().any(|source| names(&source.text, &name));
        let shipped = sources
            .iter()
            .any(|source| !source.within(&["tests", "benches"]) && names(source.shipped(), &name));
        let exception = excepted(&dependency.name);
        match (named, exception) {
            (false, false) => findings.push(format!(
                "{}: {} is not used; remove it, or give the reason in [package.metadata.unused]",
                package.name, dependency.name
            )),
            (true, true) if shipped || dependency.is_dev() => findings.push(format!(
                "{}: {} is used; remove its line in [package.metadata.unused]",
                package.name, dependency.name
            )),
            // The `tests` package is nothing but tests.
            (true, false) if !shipped && dependency.kind.is_none() && package.name != "tests" => {
                findings.push(format!(
                    "{}: {} is used by tests only; make it a dev-dependency",
                    package.name, dependency.name
                ));
            }
            _ => {}
        }
    }
    for name in exceptions.into_iter().flat_map(|map| map.keys()) {
        if !package.dependencies.iter().any(|d| d.name == *name) {
            findings.push(format!(
                "{}: [package.metadata.unused] names {name}, which is no dependency",
                package.name
            ));
        }
    }
    findings
}

/// Whether the word stands alone somewhere in code.
fn names(text: &str, word: &str) -> bool {
    let joins = |character: char| character.is_alphanumeric() || character == '_';
    Source::code_lines(text).any(|(_, line)| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            !before.is_some_and(joins) && !after.is_some_and(joins)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(dependencies: &serde_json::Value, unused: &serde_json::Value) -> Package {
        serde_json::from_value(json!({
            "name": "p", "manifest_path": "/p/Cargo.toml",
            "dependencies": dependencies, "metadata": {"unused": unused},
        }))
        .expect("a package")
    }

    #[test]
    fn accepts_what_is_named() {
        let package = package(
            &json!([
                {"name": "tokio-util", "req": "1"},
                {"name": "yaml_serde", "rename": "serde_yaml", "req": "1"},
                {"name": "rstest", "req": "1", "kind": "dev"},
            ]),
            &json!({}),
        );
        let code = Source::new(
            "p/src/lib.rs",
            "use tokio_util::sync;\nserde_yaml::to_string(\n",
        );
        let test = Source::new("p/tests/it.rs", "#[rstest]\n");
        assert_eq!(judge(&package, &[&code, &test]), Vec::<String>::new());
    }

    #[test]
    fn rejects_what_is_not_named() {
        let package = package(&json!([{"name": "http", "req": "1"}]), &json!({}));
        let code = Source::new("p/src/lib.rs", "// http\nuse common_http::x;\n");
        let findings = judge(&package, &[&code]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("p: http is not used"));
    }

    #[test]
    fn rejects_a_dev_dependency_in_disguise() {
        let package = package(&json!([{"name": "insta", "req": "1"}]), &json!({}));
        let code = Source::new("p/src/lib.rs", "#[cfg(test)]\nmod tests {\nuse insta;\n}\n");
        assert!(judge(&package, &[&code])[0].contains("by tests only"));
    }

    #[test]
    fn exceptions_need_to_be_true() {
        let dependency = json!([{"name": "rustls", "req": "1"}]);
        let reason = json!({"rustls": "switches a feature on"});
        let used = Source::new("p/src/lib.rs", "rustls::x\n");
        let silent = Source::new("p/src/lib.rs", "\n");
        assert_eq!(judge(&package(&dependency, &reason), &[&silent]).len(), 0);
        assert_eq!(judge(&package(&dependency, &reason), &[&used]).len(), 1);
        assert_eq!(judge(&package(&json!([]), &reason), &[&silent]).len(), 1);
    }
}
