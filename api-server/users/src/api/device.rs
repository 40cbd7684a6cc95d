//! The cookie by which an account knows a device.
//!
//! It gives no right: who shows it spends failed sign-ins of its own, and not those that all strangers share.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// Only the host that set it gets it back, over TLS, and no script reads it.
const NAME: &str = "__Host-device";
/// Longest value that is taken for one of ours.
const LONGEST: usize = 64;

/// What the caller shows.
pub(super) fn read(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .map(|(_, value)| value.to_owned())
        .filter(|value| is_plain(value))
}

/// What the caller keeps.
pub(super) fn cookie(device: &str, life: Duration) -> HeaderValue {
    let life = life.as_secs();
    let text =
        format!("{NAME}={device}; Max-Age={life}; Path=/; Secure; HttpOnly; SameSite=Strict");
    // Letters, digits, `-` and `_` are valid header text.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

fn is_plain(value: &str) -> bool {
    (1..=LONGEST).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
