//! A display name.

use common_http::TextRule;
use common_http::text::ONE_LINE;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::Error;

static NAME: TextRule = TextRule::chars(1, 200).like(ONE_LINE);

/// 1 to 200 characters without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/name`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if NAME.allows(text) {
            return Ok(Self(text.trim().to_owned()));
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

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        NAME.schema()
            .description(Some("1 to 200 characters without control characters"))
            .examples(["Grace Hopper"])
            .into()
    }
}

impl ToSchema for Name {}
