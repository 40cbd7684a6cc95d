//! Changes of some fields (merge patch, RFC 7396): a field that is absent stays, and null empties one that can be empty. For
//! fields of a body, beside `#[serde(default)]`, which is for those that are absent.

use serde::{Deserialize, Deserializer};

use crate::whole;

/// What becomes of a field that can be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It gets this value, or none.
    Set(Option<T>),
}

impl<T> Wish<T> {
    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Wish<U> {
        match self {
            Self::Keep => Wish::Keep,
            Self::Set(value) => Wish::Set(value.map(change)),
        }
    }
}

/// Tells null from absent.
///
/// # Errors
/// When it is neither null nor a `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Wish<T>, D::Error> {
    Option::deserialize(deserializer).map(Wish::Set)
}

/// Refuses null for a field that every thing has.
///
/// # Errors
/// When it is no `T`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for a whole number, however it is written.
///
/// # Errors
/// As [`whole`].
pub fn given_whole<'de, T: TryFrom<i64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    whole(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Patch {
        #[serde(default, deserialize_with = "given")]
        title: Option<String>,
        #[serde(default, deserialize_with = "given_whole")]
        priority: Option<i16>,
        #[serde(default, deserialize_with = "present")]
        owner: Wish<u8>,
    }

    fn patch(title: Option<&str>, priority: Option<i16>, owner: Wish<u8>) -> Patch {
        Patch {
            title: title.map(ToOwned::to_owned),
            priority,
            owner,
        }
    }

    #[rstest]
    #[case::nothing("{}", patch(None, None, Wish::Keep))]
    #[case::all(
        r#"{"title":"a","priority":2.0,"owner":7}"#,
        patch(Some("a"), Some(2), Wish::Set(Some(7)))
    )]
    #[case::emptied(r#"{"owner":null}"#, patch(None, None, Wish::Set(None)))]
    fn absent_null_and_a_value_are_three(#[case] body: &str, #[case] expected: Patch) {
        let read: Patch = serde_json::from_str(body).expect(body);
        assert_eq!(read, expected);
    }

    #[rstest]
    fn what_every_thing_has_is_not_emptied(
        #[values(r#"{"title":null}"#, r#"{"priority":null}"#)] body: &str,
    ) {
        assert!(serde_json::from_str::<Patch>(body).is_err(), "{body}");
    }
}
