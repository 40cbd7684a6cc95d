//! The links of a page, and where they lead. Pure.

/// A link to another file, to a heading, or to both.
#[derive(Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Path of the file, from the folder of the page; empty for the page itself.
    pub file: &'a str,
    /// The heading, as browsers name it.
    pub heading: Option<&'a str>,
}

/// The links of a page that do not lead out of the repository.
pub fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| Some(rest.split_once(')')?.0));
    targets
        .filter(|target| !target.contains("://"))
        .map(|target| match target.split_once('#') {
            Some((file, heading)) => Link {
                file,
                heading: Some(heading),
            },
            None => Link {
                file: target,
                heading: None,
            },
        })
}

/// The names of a page's headings, as browsers have them.
pub fn headings(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
        words
            .chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_headings_are_found() {
        let text = "# A page\n\nSee [there](../x.md#go-back), [here](#1-first-of-all), [out](https://example.org), [f](y.md).\n\n## 1. First of all\n";
        let found: Vec<_> = links(text).map(|link| (link.file, link.heading)).collect();
        assert_eq!(
            found,
            [
                ("../x.md", Some("go-back")),
                ("", Some("1-first-of-all")),
                ("y.md", None)
            ]
        );
        let found: Vec<_> = headings(text).collect();
        assert_eq!(found, ["a-page", "1-first-of-all"]);
    }
}
