//! A password on its way to the hasher.

use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;

/// 8 to 128 characters, accepted as they are.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

impl Password {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/password`.
    pub fn parse(text: SecretString) -> Result<Self, Error> {
        if (8..=128).contains(&text.expose_secret().chars().count()) {
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
