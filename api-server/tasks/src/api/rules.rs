//! The model's rules as checks of a request, so that everything wrong is told at once.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "garde passes the context by reference"
)]
#![expect(clippy::ref_option, reason = "the shape that garde calls")]

use chrono::{DateTime, Utc};
use common_http::patch::Wish;

use crate::Error;
use crate::model::{Description, Priority, Title, writable};

fn checked<T>(parsed: Result<T, Error>) -> garde::Result {
    match parsed {
        Ok(_) => Ok(()),
        Err(Error::Invalid { detail, .. }) => Err(garde::Error::new(detail)),
        Err(other) => Err(garde::Error::new(other.to_string())),
    }
}

pub(super) fn title(text: &str, (): &()) -> garde::Result {
    checked(Title::parse(text))
}

pub(super) fn optional_title(text: &Option<String>, (): &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| title(text, &()))
}

pub(super) fn description(text: &Option<String>, (): &()) -> garde::Result {
    text.as_deref()
        .map_or(Ok(()), |text| checked(Description::parse(text)))
}

pub(super) fn priority(number: &Option<i16>, (): &()) -> garde::Result {
    number.map_or(Ok(()), |number| checked(Priority::parse(number)))
}

pub(super) fn time(at: &Option<DateTime<Utc>>, (): &()) -> garde::Result {
    at.map_or(Ok(()), |at| checked(writable(at)))
}

pub(super) fn wished_time(at: &Wish<DateTime<Utc>>, (): &()) -> garde::Result {
    match at {
        Wish::Keep => Ok(()),
        Wish::Set(at) => time(at, &()),
    }
}
