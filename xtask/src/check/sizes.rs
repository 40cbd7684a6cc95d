//! File sizes: one idea per file is easier to keep when a number watches it.

use super::{Outcome, sources::Source};

/// Half of the files are at most this long.
const MEDIAN: usize = 120;
/// Nine of ten files are at most this long.
const P90: usize = 350;
/// No file is longer than this.
const MAX: usize = 600;

/// Counts the shipped lines of every file.
pub(super) fn run(sources: &[Source]) -> Outcome {
    let sizes = sources
        .iter()
        .filter(|source| !source.is_aside())
        .map(|source| {
            (
                source.shipped().lines().count(),
                source.path.display().to_string(),
            )
        })
        .collect();
    judge(sizes)
}

/// Compares the distribution with the bar.
fn judge(mut sizes: Vec<(usize, String)>) -> Outcome {
    sizes.sort();
    let Some((max, largest)) = sizes.last().cloned() else {
        return Outcome::of(vec!["no files were found".to_owned()], String::new());
    };
    let median = sizes[(sizes.len() - 1) / 2].0;
    let p90 = sizes[(sizes.len() * 9).div_ceil(10) - 1].0;
    let mut findings: Vec<String> = sizes
        .iter()
        .filter(|(lines, _)| *lines > MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines, at most {MAX}: split it by idea"))
        .collect();
    if median > MEDIAN {
        findings.push(format!("the median is {median} lines, at most {MEDIAN}"));
    }
    if p90 > P90 {
        findings.push(format!("the 90th percentile is {p90} lines, at most {P90}"));
    }
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    Outcome::of(
        findings,
        format!(
            "{} files, {total} lines: median {median}, p90 {p90}, max {max} ({largest})",
            sizes.len()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(lines: &[usize]) -> Vec<(usize, String)> {
        lines.iter().map(|n| (*n, format!("{n}.rs"))).collect()
    }

    #[test]
    fn accepts_small_files_and_tells_the_numbers() {
        let outcome = judge(sizes(&[10, 20, 30, 40, 50, 60, 70, 80, 90, 600]));
        assert_eq!(outcome.findings, Vec::<String>::new());
        assert_eq!(
            outcome.summary,
            "10 files, 1050 lines: median 50, p90 90, max 600 (600.rs)"
        );
    }

    #[test]
    fn rejects_each_limit() {
        let outcome = judge(sizes(&[121, 351, 601]));
        assert_eq!(outcome.findings.len(), 3, "{:?}", outcome.findings);
        assert!(outcome.findings[0].starts_with("601.rs: 601 lines"));
    }

    #[test]
    fn tests_are_not_counted() {
        let long = format!(
            "fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "//\n".repeat(700)
        );
        let outcome = run(&[
            Source::new("a/src/lib.rs", &long),
            Source::new("a/tests/it.rs", &"//\n".repeat(900)),
        ]);
        assert_eq!(outcome.findings, Vec::<String>::new());
    }
}
