//! Configuration files with places to fill: `@NAME@`.

use anyhow::{Context as _, Result};
use std::{
    fs,
    os::unix::fs::{OpenOptionsExt as _, chown},
    path::Path,
};

/// Replaces every `@NAME@`; one that stays is an error, so is a value without a place.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut filled = text.to_owned();
    for (name, value) in values {
        let place = format!("@{name}@");
        anyhow::ensure!(filled.contains(&place), "there is no {place} in the text");
        filled = filled.replace(&place, value);
    }
    if let Some(place) = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.trim_start().starts_with("--"))
        .find_map(first_place)
        .filter(|place| !values.iter().any(|(name, _)| name == place))
    {
        anyhow::bail!("nothing was given for @{place}@");
    }
    Ok(filled)
}

/// The first `@NAME@` of a line.
fn first_place(line: &str) -> Option<&str> {
    line.split('@')
        .skip(1)
        .step_by(2)
        .find(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// Fills a file of the repository.
pub(crate) fn file(source: &Path, values: &[(&str, &str)]) -> Result<String> {
    let text = fs::read_to_string(source).with_context(|| format!("read {}", source.display()))?;
    fill(&text, values).with_context(|| format!("fill {}", source.display()))
}

/// Writes a file whole or not at all: to a new name, then renamed. The owner is a system user's pair of numbers.
pub(crate) fn write(
    path: &Path,
    content: &str,
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<()> {
    use std::io::Write as _;
    let new = path.with_extension("new");
    // The mode counts only for a file that is made.
    let _ = fs::remove_file(&new);
    let write = || -> Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&new)?;
        file.write_all(content.as_bytes())?;
        if let Some((user, group)) = owner {
            chown(&new, Some(user), Some(group))?;
        }
        fs::rename(&new, path)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled() {
        let text = "# @NAME@ is replaced\nvoters=1@127.0.0.1:9093\na=@A@\nb=@A@/@B_C@\n";
        let filled = fill(text, &[("A", "x"), ("B_C", "y")]).expect("both are given");
        assert!(filled.ends_with("voters=1@127.0.0.1:9093\na=x\nb=x/y\n"));
    }

    #[test]
    fn a_place_without_value_is_told() {
        let error = fill("a=@A@", &[]).expect_err("nothing is given");
        assert_eq!(error.to_string(), "nothing was given for @A@");
    }

    #[test]
    fn a_value_without_place_is_told() {
        let error = fill("a=1", &[("A", "x")]).expect_err("no place");
        assert_eq!(error.to_string(), "there is no @A@ in the text");
    }
}
