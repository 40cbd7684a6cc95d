//! What a page shows of an output, and whether an output is like that. Pure.

use anyhow::{Result, ensure};

/// A line that stands for any lines, none too.
const ANY_LINES: &str = "…";

/// What a page shows, checked: it must say something.
///
/// # Errors
/// When every output would do.
pub(super) fn shown(lines: &[&str]) -> Result<Vec<String>> {
    let says = |line: &&str| {
        let literal = pieces(line).concat();
        literal.chars().any(char::is_alphanumeric)
    };
    ensure!(lines.iter().any(says), "every output would do");
    Ok(lines.iter().map(|line| (*line).to_owned()).collect())
}

/// Whether a program printed what a page shows.
///
/// # Errors
/// Naming the first line that is otherwise, and the whole output.
pub fn matches(shown: &[String], printed: &str) -> Result<()> {
    let lines: Vec<&str> = printed.trim_end().lines().collect();
    let mut furthest = 0;
    let fits = from(shown, &lines, 0, &mut furthest);
    let missed = shown
        .get(furthest)
        .map_or("nothing more", |line| line.as_str());
    ensure!(
        fits,
        "the page shows \"{missed}\", and what is printed is\n{}",
        printed.trim_end()
    );
    Ok(())
}

/// Whether the lines are those that are shown from `at` on; `furthest` grows to the last line that was looked for.
fn from(shown: &[String], lines: &[&str], at: usize, furthest: &mut usize) -> bool {
    *furthest = at.max(*furthest);
    match (shown.get(at).map(String::as_str), lines.split_first()) {
        (None, None) => true,
        (Some(ANY_LINES), rest) => {
            from(shown, lines, at + 1, furthest)
                || rest.is_some_and(|(_, rest)| from(shown, rest, at, furthest))
        }
        (Some(pattern), Some((line, rest))) => {
            is_like(pattern, line) && from(shown, rest, at + 1, furthest)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Whether a line is like the one that is shown.
fn is_like(pattern: &str, line: &str) -> bool {
    let (pattern, line) = (evenly_spaced(pattern), evenly_spaced(line));
    let pieces = pieces(&pattern);
    let Some((first, others)) = pieces.split_first() else {
        return false;
    };
    let Some((last, middle)) = others.split_last() else {
        return *first == line;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for piece in middle {
        // The words between are one character at least.
        let Some(found) = after_one(rest).and_then(|rest| rest.split_once(piece)) else {
            return false;
        };
        rest = found.1;
    }
    after_one(rest).is_some_and(|rest| rest.ends_with(last))
}

/// A text without its first character.
fn after_one(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    characters.next()?;
    Some(characters.as_str())
}

/// What stands between the `<word>`s of a line, one piece more than there are of these.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    let mut from = 0;
    while let Some(open) = rest[from..].find('<').map(|at| from + at) {
        let word = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
        let inner = rest[open + 1..].split_once('>');
        match inner.filter(|(inner, _)| !inner.is_empty() && inner.chars().all(word)) {
            Some((_, after)) => {
                pieces.push(&rest[..open]);
                rest = after;
                from = 0;
            }
            None => from = open + 1,
        }
    }
    pieces.push(rest);
    pieces
}

/// A line in which every run of spaces is one; columns are as wide as what is in them.
fn evenly_spaced(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
