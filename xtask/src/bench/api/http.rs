//! A request and its answer, on a connection of their own: what wrk is asked to send many of, sent once and looked at.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

/// How long an answer may take; a sign-in on a loaded machine is the slowest.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request to a port of this machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// The path with its query.
    pub(super) path: String,
    /// The access token.
    pub(super) token: Option<String>,
    /// `If-None-Match`.
    pub(super) held: Option<String>,
    /// Sent by POST when there is one.
    pub(super) body: Option<Value>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Request {
    /// A GET of a path with a token.
    pub(super) fn get(path: impl Into<String>, token: &str) -> Self {
        Self {
            path: path.into(),
            token: Some(token.to_owned()),
            ..Self::default()
        }
    }

    /// A POST that needs no token.
    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            path: path.into(),
            body: Some(body),
            ..Self::default()
        }
    }

    /// The headers of its own, as wrk and curl take them.
    pub(super) fn headers(&self) -> Vec<String> {
        let token = self.token.as_ref();
        let token = token.map(|token| format!("Authorization: Bearer {token}"));
        let held = self.held.as_ref();
        let held = held.map(|held| format!("If-None-Match: {held}"));
        token.into_iter().chain(held).collect()
    }

    /// Sends it and reads all of the answer.
    pub(super) fn send(&self, port: u16) -> Result<Answer> {
        let answer = self.exchange(port);
        answer.with_context(|| format!("http://127.0.0.1:{port}{}", self.path))
    }

    fn exchange(&self, port: u16) -> Result<Answer> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(self.text(port)?.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Answer::parse(&answer)
    }

    fn text(&self, port: u16) -> Result<String> {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let path = &self.path;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
        text.push_str("User-Agent: bench\r\nConnection: close\r\n");
        for header in self.headers() {
            write!(text, "{header}\r\n")?;
        }
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            let length = body.len();
            text.push_str("Content-Type: application/json\r\n");
            write!(text, "Content-Length: {length}\r\n")?;
        }
        write!(text, "\r\n{body}")?;
        Ok(text)
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.context("the answer has no head")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let answer = Self {
            status: status.context("the answer has no status")?,
            body: bytes[end + 4..].to_vec(),
            head,
        };
        ensure!(
            answer.header("transfer-encoding").is_none(),
            "the answer comes in chunks, so that nobody knows its length before: more work than for the others"
        );
        Ok(answer)
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    /// Whether it has no body.
    pub(super) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The body, which is JSON, of an answer with this status.
    pub(super) fn json(&self, status: u16) -> Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!(
            self.status == status,
            "answered {}, not {status}: {text}",
            self.status
        );
        serde_json::from_str(&text).with_context(|| format!("is no JSON: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let text = b"HTTP/1.1 201 Created\r\nETag: \"1\"\r\nContent-Length: 2\r\n\r\n{}";
        let answer = Answer::parse(text).expect("whole");
        assert_eq!(answer.header("etag"), Some("\"1\""));
        assert_eq!(answer.json(201).expect("JSON"), serde_json::json!({}));
        assert!(answer.json(200).is_err());
    }

    #[test]
    fn chunks_are_refused() {
        let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(Answer::parse(text).is_err());
    }

    #[test]
    fn a_request_has_its_headers_and_the_length_of_its_body() {
        let mut request = Request::post("/x", serde_json::json!({"a": 1}));
        request.held = Some("\"1\"".to_owned());
        let text = request.text(1).expect("text");
        assert!(text.starts_with("POST /x HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("If-None-Match: \"1\"\r\n"), "{text}");
        assert!(
            text.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"),
            "{text}"
        );
    }
}
