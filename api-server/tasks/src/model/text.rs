//! Fields of a task that have rules.

use common_http::TextRule;
use common_http::text::{ONE_LINE, WITHOUT_NUL};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::Error;

static TITLE: TextRule = TextRule::chars(1, 200).like(ONE_LINE);
static DESCRIPTION: TextRule = TextRule::chars(0, 20_000).like(WITHOUT_NUL);

/// What a task is about: 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Title(String);

impl Title {
    /// What is allowed, in words.
    const RULE: &'static str = "must have 1 to 200 characters on one line";

    /// Takes surrounding white space away.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if TITLE.allows(text) {
            return Ok(Self(text.trim().to_owned()));
        }
        Err(Error::Invalid {
            pointer: "/title",
            detail: Self::RULE,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialSchema for Title {
    fn schema() -> RefOr<Schema> {
        TITLE
            .schema()
            .description(Some("1 to 200 characters on one line"))
            .examples(["Oil the analytical engine"])
            .into()
    }
}

impl ToSchema for Title {}

/// The rest of what there is to say: at most 20 000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Description(String);

impl Description {
    /// Any text without NUL, which PostgreSQL cannot keep.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if DESCRIPTION.allows(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Invalid {
            pointer: "/description",
            detail: "must have at most 20000 characters and no NUL",
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialSchema for Description {
    fn schema() -> RefOr<Schema> {
        DESCRIPTION
            .schema()
            .description(Some("At most 20 000 characters"))
            .examples(["Barrel 3 squeaks."])
            .into()
    }
}

impl ToSchema for Description {}

/// 0 (none) to 4 (highest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Priority(i16);

impl Priority {
    const LEAST: i16 = 0;
    const MOST: i16 = 4;

    pub(crate) fn parse(number: i16) -> Result<Self, Error> {
        if (Self::LEAST..=Self::MOST).contains(&number) {
            return Ok(Self(number));
        }
        Err(Error::Invalid {
            pointer: "/priority",
            detail: "must be from 0 (none) to 4 (highest)",
        })
    }

    pub(crate) fn get(self) -> i16 {
        self.0
    }
}

impl PartialSchema for Priority {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(Self::LEAST))
            .maximum(Some(Self::MOST))
            .description(Some("0 (none) to 4 (highest)"))
            .examples([2])
            .into()
    }
}

impl ToSchema for Priority {}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", false)]
    #[case("  \t ", false)]
    #[case("two\nlines", false)]
    #[case(" Oil the engine ", true)]
    fn a_title_is_one_line(#[case] text: &str, #[case] good: bool) {
        assert_eq!(Title::parse(text).is_ok(), good);
    }

    #[test]
    fn limits_are_characters_not_bytes() {
        assert!(Title::parse(&"ü".repeat(200)).is_ok());
        assert!(Title::parse(&"ü".repeat(201)).is_err());
        assert!(Description::parse(&"ü".repeat(20_000)).is_ok());
        assert!(Description::parse("a\0b").is_err());
        assert!(Priority::parse(5).is_err());
    }
}
