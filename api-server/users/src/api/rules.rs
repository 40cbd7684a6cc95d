//! The model's rules as checks of a request, so that everything wrong is told at once.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde passes the context by reference"
)]

use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;
use crate::model::{Email, Name, Password, TeamName};

fn checked<T>(parsed: Result<T, Error>) -> garde::Result {
    match parsed {
        Ok(_) => Ok(()),
        Err(Error::Invalid { detail, .. }) => Err(garde::Error::new(detail)),
        Err(other) => Err(garde::Error::new(other.to_string())),
    }
}

pub(super) fn email(text: &str, (): &()) -> garde::Result {
    checked(Email::parse(text))
}

#[expect(clippy::ref_option, reason = "the shape that garde calls")]
pub(super) fn optional_email(text: &Option<String>, (): &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| email(text, &()))
}

pub(super) fn name(text: &str, (): &()) -> garde::Result {
    checked(Name::parse(text))
}

pub(super) fn team_name(text: &str, (): &()) -> garde::Result {
    checked(TeamName::parse(text))
}

#[expect(clippy::ref_option, reason = "the shape that garde calls")]
pub(super) fn optional_team_name(text: &Option<String>, (): &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| team_name(text, &()))
}

pub(super) fn password(text: &SecretString, (): &()) -> garde::Result {
    checked(Password::parse(SecretString::from(text.expose_secret())))
}
