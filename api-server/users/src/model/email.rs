//! An email address.

use common_http::TextRule;
use common_http::text::ADDRESS;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::Error;

/// As many characters as an address can have, and as its column takes.
const LONGEST: usize = 254;
static ADDRESSES: TextRule = TextRule::chars(3, LONGEST).like(ADDRESS);

/// An address in lower case, as it is stored and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses `text`: one `@` with something before it and a dotted or bare host behind it, no space,
    /// 3 to 254 characters. Whether the address works, only a mail can tell.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/email`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let stored = text.trim().to_lowercase();
        // In lower case a few characters become two.
        if ADDRESSES.allows(text) && stored.chars().count() <= LONGEST {
            Ok(Self(stored))
        } else {
            Err(Error::Invalid {
                pointer: "/email",
                detail: "must be an email address such as ada@example.org, at most 254 characters",
            })
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        ADDRESSES
            .schema()
            .description(Some("An email address; it is kept in lower case"))
            .examples(["ada@example.org"])
            .into()
    }
}

impl ToSchema for Email {}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn addresses_are_lower_cased() {
        assert_eq!(
            Email::parse(" Ada@Example.ORG ").expect("valid").as_str(),
            "ada@example.org"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b@c",
            &format!("{}@x", "a".repeat(254)),
        ] {
            Email::parse(text).expect_err(text);
        }
    }
}
