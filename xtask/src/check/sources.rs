//! The tracked Rust files, and which part of them is code that ships.

use crate::repo;
use anyhow::Result;
use std::path::{Component, Path, PathBuf};
use xshell::{Shell, cmd};

/// One tracked Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root, with forward slashes.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    /// A source that is not on disk: for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: PathBuf::from(path),
            text: text.to_owned(),
        }
    }

    /// The text before the test module (which is last in the file).
    pub(crate) fn shipped(&self) -> &str {
        let mut offset = 0;
        let mut lines = self.text.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            let next_is_module = lines
                .peek()
                .is_some_and(|next| next.trim_start().starts_with("mod "));
            if line.trim() == "#[cfg(test)]" && next_is_module {
                return &self.text[..offset];
            }
            offset += line.len();
        }
        &self.text
    }

    /// Whether it lies in a folder of tests, benches or generated code.
    pub(crate) fn is_aside(&self) -> bool {
        self.within(&["tests", "benches", "generated"])
    }

    /// Whether one of its folders has one of these names.
    pub(crate) fn within(&self, folders: &[&str]) -> bool {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        folder.components().any(|part| match part {
            Component::Normal(name) => folders.iter().any(|folder| name == *folder),
            _ => false,
        })
    }

    /// The lines that are code, numbered from 1; comments are left out.
    pub(crate) fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
        text.lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// `path:line: what`, the form of every finding in a file.
    pub(crate) fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

/// Every Rust file that git tracks or would track.
pub(crate) fn all() -> Result<Vec<Source>> {
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    let list = cmd!(
        shell,
        "git ls-files --cached --others --exclude-standard -- *.rs"
    )
    .quiet()
    .read()?;
    let mut sources = Vec::new();
    for line in list.lines() {
        // A file that is deleted but not yet committed is still listed.
        if repo::root().join(line).is_file() {
            sources.push(Source {
                path: PathBuf::from(line),
                text: repo::read(line)?,
            });
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_ends_at_the_test_module() {
        let source = Source::new("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(source.shipped(), "fn a() {}\n");
    }

    #[test]
    fn a_single_item_for_tests_does_not_end_it() {
        let text = "#[cfg(test)]\nfn helper() {}\nfn a() {}\n";
        assert_eq!(Source::new("a.rs", text).shipped(), text);
    }

    #[test]
    fn folders_count_and_file_names_do_not() {
        assert!(Source::new("tests/src/wait.rs", "").is_aside());
        assert!(Source::new("crds/tests/it.rs", "").is_aside());
        assert!(!Source::new("crds/src/tests.rs", "").is_aside());
    }

    #[test]
    fn comments_are_no_code() {
        let lines: Vec<_> = Source::code_lines("// a\nb\n    /// c\n").collect();
        assert_eq!(lines, [(2, "b")]);
    }
}
