//! One line of a log, and how it is shown. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::plugin::output::{Format, Paint, visible};

/// A line of a pod.
pub(super) struct Line {
    /// Short name of the pod.
    pod: String,
    /// When it was written, by the node's clock.
    pub(super) at: Option<Timestamp>,
    /// What the process wrote.
    text: String,
}

impl Line {
    /// A line as the API server gives it: its time, a blank, what was written.
    pub(super) fn read(pod: &str, line: &str) -> Self {
        let timed = line.split_once(' ').or(Some((line, "")));
        let timed = timed.and_then(|(at, text)| Some((at.parse().ok()?, text)));
        let (at, text) = match timed {
            Some((at, text)) => (Some(at), text),
            None => (None, line),
        };
        Self {
            pod: pod.to_owned(),
            at,
            text: text.to_owned(),
        }
    }

    /// The line for whoever reads it, with its end.
    pub(super) fn text(&self, format: Format, raw: bool, paint: Paint) -> String {
        let Self { pod, at, text } = self;
        let fields: Option<Map<String, Value>> = serde_json::from_str(text).ok();
        if format == Format::Json {
            let line = match fields {
                Some(fields) if !raw => Value::Object(fields),
                _ => json!(text),
            };
            return format!("{}\n", json!({"pod": pod, "time": at, "line": line}));
        }
        let shown = match fields {
            Some(fields) if !raw => readable(fields, paint),
            _ => visible(text),
        };
        format!("{} {shown}\n", paint.dim(pod))
    }
}

/// Time, level, message, then everything else as `name=value`.
fn readable(mut fields: Map<String, Value>, paint: Paint) -> String {
    let mut take = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => visible(&text),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (time, level, message) = (take("timestamp"), take("level"), take("message"));
    let target = take("target");
    let level = match level.as_str() {
        "ERROR" => paint.red("ERROR"),
        "WARN" => paint.yellow("WARN "),
        other => format!("{other:<5}"),
    };
    let mut text = format!("{time} {level} {message}");
    for (name, value) in fields {
        // Names of spans say nothing that the message does not; what they carry does.
        let pairs = match (name.as_str(), value) {
            ("spans", Value::Array(spans)) => spans.into_iter().flat_map(span).collect(),
            (_, value) => vec![(name, value)],
        };
        for (name, value) in pairs {
            // Writing to a String does not fail.
            let _ = write!(text, " {}={}", visible(&name), short(&value));
        }
    }
    if !target.is_empty() {
        let _ = write!(text, " {}", paint.dim(&format!("({target})")));
    }
    text.trim_start().to_owned()
}

/// What a span carries.
fn span(span: Value) -> Vec<(String, Value)> {
    match span {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, _)| name != "name")
            .collect(),
        _ => Vec::new(),
    }
}

/// A word as it is, anything else as JSON.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if is_word(text) => text.clone(),
        other => visible(&other.to_string()),
    }
}

fn is_word(text: &str) -> bool {
    let fine = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=';
    !text.is_empty() && text.chars().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint(false);

    fn shown(line: &str, raw: bool) -> String {
        Line::read("web-a", line).text(Format::Table, raw, PLAIN)
    }

    #[test]
    fn a_structured_line_is_made_readable() {
        let line = r#"2026-11-29T13:00:00.5Z {"timestamp":"2026-11-29T13:00:00.4Z","level":"INFO","message":"request","http.status":200,"http.path":"/api/v1 x","target":"common_http","spans":[{"name":"pass","platform":"demo"}]}"#;
        assert_eq!(
            shown(line, false),
            "web-a 2026-11-29T13:00:00.4Z INFO  request http.path=\"/api/v1 x\" http.status=200 platform=demo \
             (common_http)\n"
        );
        let raw = shown(line, true);
        assert!(raw.starts_with(r#"web-a {"timestamp":"#), "{raw}");
    }

    #[test]
    fn other_lines_are_shown_as_they_are_without_control_characters() {
        let at = "2026-11-29T13:00:00Z";
        assert_eq!(shown(&format!("{at} panicked"), false), "web-a panicked\n");
        assert_eq!(shown(at, false), "web-a \n");
        assert_eq!(shown("no time", false), "web-a no time\n");
        let line = format!(r#"{at} {{"message":"a\u001b[2J\u0007b","x":"\u001b[1m"}}"#);
        assert!(!shown(&line, false).contains('\x1b'), "{line}");
        assert!(!shown(&format!("{at} \x1b[2J"), true).contains('\x1b'));
    }

    #[test]
    fn a_program_gets_one_document_a_line() {
        let line = Line::read("web-a", r#"2026-11-29T13:00:00Z {"level":"INFO"}"#);
        assert_eq!(
            line.text(Format::Json, false, PLAIN),
            "{\"line\":{\"level\":\"INFO\"},\"pod\":\"web-a\",\"time\":\"2026-11-29T13:00:00Z\"}\n"
        );
    }
}
