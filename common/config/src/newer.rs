//! A file that a newer program wrote for this one says so by a number at its head. What is new in it is passed over: an
//! operator that is renewed before the image writes keys that the image does not know yet. A file of a person has no
//! number, and a key that nobody reads is a misspelt one there.

use toml::{Table, Value};

/// The number of the keys that this program knows. It is raised by one with the first key, or section, of a release that the
/// operator writes and the release before does not know.
pub const KEYS: i64 = 1;

/// Name of the number in the file, before the first section.
pub(crate) const NAME: &str = "schema";

/// Takes the number out of a file, and tells whether it is higher than `known`; the wrong value where it is no number.
pub(crate) fn take(table: &mut Table, known: i64) -> Result<bool, Value> {
    match table.remove(NAME) {
        None => Ok(false),
        Some(Value::Integer(number)) if number > 0 => Ok(number > known),
        Some(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_higher_number_is_a_newer_file() {
        for (text, newer) in [
            ("", Ok(false)),
            ("schema = 6", Ok(false)),
            ("schema = 7", Ok(false)),
            ("schema = 8", Ok(true)),
            ("schema = 0", Err(Value::Integer(0))),
            ("schema = \"8\"", Err(Value::String("8".to_owned()))),
        ] {
            let mut table: Table = text.parse().expect("TOML");
            assert_eq!(take(&mut table, 7), newer, "{text}");
            assert!(table.is_empty(), "{table:?}");
        }
    }
}
