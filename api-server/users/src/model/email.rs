//! An email address.

use crate::Error;

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
        let text = text.trim().to_lowercase();
        let valid = (3..=254).contains(&text.len())
            && !text
                .chars()
                .any(|char| char.is_whitespace() || char.is_control())
            && text.split_once('@').is_some_and(|(user, host)| {
                !user.is_empty() && !host.is_empty() && !host.contains('@')
            });
        if valid {
            Ok(Self(text))
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
