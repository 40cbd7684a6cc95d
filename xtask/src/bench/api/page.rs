//! The page of the figures: a whole run puts what it found there.

use anyhow::{Context as _, Result};
use std::fs;

use crate::repo;

/// The page.
pub(super) const PAGE: &str = "docs/benchmarks/api.md";
/// What stands before the figures, and after them.
const BLOCK: [&str; 2] = ["## Figures\n\n```text\n", "```\n"];

/// Puts the figures in the place of the former ones.
pub(super) fn write(figures: &str) -> Result<()> {
    let page = repo::read(PAGE)?;
    let page = with(&page, figures)
        .with_context(|| format!("{PAGE} has no block `text` below the heading Figures"))?;
    fs::write(repo::root().join(PAGE), page).with_context(|| format!("write {PAGE}"))
}

fn with(page: &str, figures: &str) -> Option<String> {
    let [before, after] = BLOCK;
    let start = page.find(before)? + before.len();
    let end = start + page[start..].find(after)?;
    let (head, rest) = (&page[..start], &page[end..]);
    let figures = figures.trim_end();
    Some(format!("{head}{figures}\n{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_figures_are_replaced() {
        let page = "# A\n\n```text\nstays\n```\n\n## Figures\n\n```text\nold\n```\n\nand after\n";
        let written = with(page, "new\nfigures\n").expect("it has a block");
        assert_eq!(
            written,
            "# A\n\n```text\nstays\n```\n\n## Figures\n\n```text\nnew\nfigures\n```\n\nand after\n"
        );
        assert_eq!(with("# A\n", "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_them() {
        let page = repo::read(PAGE).expect("it is there");
        assert!(with(&page, "").is_some());
    }
}
