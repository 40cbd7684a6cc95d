//! Whole numbers as JSON Schema knows them: `2.0` is one too, and some languages write it so.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A whole number of a request's body, however it is written.
///
/// # Errors
/// When it is no number, has a fraction, or is out of `T`'s range.
pub fn whole<'de, T: TryFrom<i64>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Whole(PhantomData))
}

/// The same where it may be null.
///
/// # Errors
/// As [`whole`].
pub fn optional_whole<'de, T: TryFrom<i64>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let number = Option::<Number<T>>::deserialize(deserializer)?;
    Ok(number.map(|number| number.0))
}

struct Number<T>(T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer).map(Self)
    }
}

struct Whole<T>(PhantomData<T>);

impl<T: TryFrom<i64>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a whole number that is not too large")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let within = i64::try_from(number)
            .ok()
            .and_then(|number| T::try_from(number).ok());
        within.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        // Digits without a fraction are those of the number, whatever its size.
        let digits = format!("{number:.0}");
        let within = (number.fract() == 0.0)
            .then(|| digits.parse::<i64>().ok())
            .flatten()
            .and_then(|number| T::try_from(number).ok());
        within.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "optional_whole")]
        number: Option<i16>,
    }

    #[rstest]
    #[case("{}", None)]
    #[case(r#"{"number":null}"#, None)]
    #[case(r#"{"number":2}"#, Some(2))]
    #[case(r#"{"number":2.0}"#, Some(2))]
    #[case(r#"{"number":-2e2}"#, Some(-200))]
    fn a_number_without_a_fraction_is_whole(#[case] body: &str, #[case] number: Option<i16>) {
        let read: Body = serde_json::from_str(body).expect(body);
        assert_eq!(read.number, number, "{body}");
    }

    #[rstest]
    fn anything_else_is_refused(
        #[values("2.5", "40000", "1e300", "18446744073709551615", "\"2\"", "[]")] value: &str,
    ) {
        let body = format!("{{\"number\":{value}}}");
        assert!(serde_json::from_str::<Body>(&body).is_err(), "{body}");
    }
}
