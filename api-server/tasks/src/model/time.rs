//! Times as rows keep them.

use chrono::{DateTime, Datelike as _, SubsecRound as _, Utc};

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::Error;

/// `at` in whole microseconds, which is all that PostgreSQL keeps. With more, the same time sent again would look
/// like a change.
pub(crate) fn stored(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

/// Refuses a time that RFC 3339 cannot write: its years have four digits. PostgreSQL's end elsewhere.
pub(crate) fn writable(at: DateTime<Utc>) -> Result<(), Error> {
    if (1..=9999).contains(&at.year()) {
        return Ok(());
    }
    Err(Error::Invalid {
        pointer: "/due_at",
        detail: "must lie in the years 0001 to 9999",
    })
}

/// What a time that [`writable`] takes looks like.
pub(crate) struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            // No year 0000, which RFC 3339 could write.
            .pattern(Some(
                "^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-",
            ))
            .examples(["2026-03-02T09:00:00Z"])
            .into()
    }
}

impl ToSchema for Moment {}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case::first("0001-01-01T00:00:00Z", true)]
    #[case::last("9999-12-31T23:59:59Z", true)]
    #[case::before("0000-12-31T23:59:59Z", false)]
    #[case::after("+10000-01-01T00:00:00Z", false)]
    #[case::before_postgresql("-5000-01-01T00:00:00Z", false)]
    fn years_have_four_digits(#[case] at: &str, #[case] good: bool) {
        let at = at.parse().expect("a time of chrono");
        assert_eq!(super::writable(at).is_ok(), good);
    }
}
