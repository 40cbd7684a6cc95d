//! The small part of Go's templates that the chart's rights are written in. Pure.
//!
//! `{{ .Values.a.b }}`, `{{ $.Release.Name }}` and `{{ . }}` give a text; `{{- range list "a" "b" }} … {{- end }}` repeats.
//! Whatever else stands in a template is an error, and so is a value that is not a plain name of Kubernetes: who writes a
//! Platform must not be able to write rights.

use std::str::Chars;

use serde_json::Value;

/// A piece of a template.
enum Piece {
    Text(String),
    Path(String),
    Range(Vec<String>, Vec<Self>),
}

/// The template with these values.
///
/// # Errors
/// What in the template is not known, or which value is missing.
pub(super) fn render(template: &str, root: &Value) -> Result<String, String> {
    let mut rest = template;
    let pieces = pieces(&mut rest, false)?;
    let mut out = String::new();
    write(&pieces, root, None, &mut out)?;
    Ok(out)
}

/// The pieces up to the end, or up to the `end` of a range.
fn pieces(rest: &mut &str, in_range: bool) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    loop {
        let Some((text, after)) = rest.split_once("{{") else {
            pieces.push(Piece::Text(std::mem::take(rest).to_owned()));
            return if in_range {
                Err("a range has no end".to_owned())
            } else {
                Ok(pieces)
            };
        };
        let (action, after) = after.split_once("}}").ok_or("an action has no end")?;
        // A dash trims the blanks and lines on its side.
        let (text, action) = match action.strip_prefix('-') {
            Some(action) => (text.trim_end(), action),
            None => (text, action),
        };
        let (action, after) = match action.strip_suffix('-') {
            Some(action) => (action, after.trim_start()),
            None => (action, after),
        };
        *rest = after;
        pieces.push(Piece::Text(text.to_owned()));
        match action.trim() {
            "end" if in_range => return Ok(pieces),
            action => match action.strip_prefix("range list ") {
                Some(items) => pieces.push(Piece::Range(quoted(items)?, self::pieces(rest, true)?)),
                None if is_path(action) => pieces.push(Piece::Path(action.to_owned())),
                None => return Err(format!("{{{{ {action} }}}} is not known here")),
            },
        }
    }
}

/// `"a" "b"`.
fn quoted(items: &str) -> Result<Vec<String>, String> {
    let words = items.split_whitespace().map(|item| {
        let word = item
            .strip_prefix('"')
            .and_then(|item| item.strip_suffix('"'));
        word.map(str::to_owned)
            .ok_or_else(|| format!("{item} is no quoted word"))
    });
    words.collect()
}

fn is_path(action: &str) -> bool {
    let mut path: Chars<'_> = action.chars();
    matches!(path.next(), Some('.' | '$')) && path.all(|c| c.is_ascii_alphanumeric() || c == '.')
}

/// A DNS subdomain (RFC 1123), as names of objects are.
fn is_name(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    value.starts_with(plain)
        && value.ends_with(plain)
        && value.chars().all(|c| plain(c) || matches!(c, '-' | '.'))
}

fn write(
    pieces: &[Piece],
    root: &Value,
    dot: Option<&str>,
    out: &mut String,
) -> Result<(), String> {
    for piece in pieces {
        match (piece, dot) {
            (Piece::Text(text), _) => out.push_str(text),
            (Piece::Path(path), Some(item)) if path == "." => out.push_str(item),
            (Piece::Path(path), _) => {
                let pointer = path.trim_start_matches('$').replace('.', "/");
                let value = root.pointer(&pointer).and_then(Value::as_str);
                let value = value.ok_or_else(|| format!("{path} is missing"))?;
                if !is_name(value) {
                    let field = path.trim_start_matches(".Values.");
                    return Err(format!(
                        "{field} is {value:?}, which is no name of an object"
                    ));
                }
                out.push_str(value);
            }
            (Piece::Range(items, body), _) => {
                for item in items {
                    write(body, root, Some(item), out)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_and_ranges_are_written_as_helm_writes_them() {
        let template = "a: {{ .Values.x.y }}\nb:\n  {{- range list \"k\" \"l\" }}\n  - {{ $.Release.Name }}-{{ . }}\n  {{- end }}\nc: {{ .Release.Name -}}   \n";
        let root = json!({"Values": {"x": {"y": "1"}}, "Release": {"Name": "demo"}});
        assert_eq!(
            render(template, &root).unwrap(),
            "a: 1\nb:\n  - demo-k\n  - demo-l\nc: demo"
        );
    }

    #[rstest]
    #[case("{{ toYaml .Values }}", "toYaml")]
    #[case("{{ if .Values.a }}", "if .Values.a")]
    #[case("{{- range list \"a\" }}", "no end")]
    #[case("{{- range list a }}{{ end }}", "no quoted word")]
    #[case("{{ end }}", "end")]
    #[case("{{ .Values.a", "no end")]
    #[case("{{ .Values.a }}", ".Values.a is missing")]
    #[case("{{ .Values.b }}", "no name of an object")]
    #[case("{{ .Values.c }}", "no name of an object")]
    fn what_is_not_known_is_named(#[case] template: &str, #[case] words: &str) {
        let root = json!({"Values": {"b": "x\n  - apiGroups: [\"*\"]", "c": "-x"}});
        let error = render(template, &root).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
