//! A password on its way to the hasher.

use common_http::TextRule;
use secrecy::{ExposeSecret as _, SecretString};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::Error;

static PASSWORD: TextRule = TextRule::chars(8, 128);

/// 8 to 128 characters, accepted as they are.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/password`.
    pub fn parse(text: SecretString) -> Result<Self, Error> {
        if PASSWORD.allows(text.expose_secret()) {
            return Ok(Self(text));
        }
        Err(Error::Invalid {
            pointer: "/password",
            detail: "must have 8 to 128 characters",
        })
    }

    pub(crate) fn into_inner(self) -> SecretString {
        self.0
    }
}

impl PartialSchema for Password {
    fn schema() -> RefOr<Schema> {
        PASSWORD
            .schema()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .description(Some("8 to 128 characters"))
            .examples(["nanoseconds are 30 cm"])
            .into()
    }
}

impl ToSchema for Password {}
