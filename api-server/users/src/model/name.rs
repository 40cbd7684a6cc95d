//! A display name.

use crate::Error;

/// 1 to 200 characters without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/name`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Invalid {
            pointer: "/name",
            detail: "must have 1 to 200 characters and no control characters",
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
