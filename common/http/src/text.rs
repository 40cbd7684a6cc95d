//! Rules of texts. One value is both what is asked of a request and what the document says of it.

use std::sync::OnceLock;

use regex::Regex;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// White space as [`str::trim`] takes it away, for a class of a regular expression.
macro_rules! space {
    () => {
        r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}

/// Control characters, for a class of a regular expression.
macro_rules! control {
    () => {
        r"\u0000-\u001f\u007f-\u009f"
    };
}

/// Anything without NUL, which PostgreSQL cannot keep.
pub const WITHOUT_NUL: &str = r"^[^\u0000]*$";
/// Something to see on one line; there may be white space of any kind around it.
pub const ONE_LINE: &str = concat!(
    "^[",
    space!(),
    "]*[^",
    space!(),
    control!(),
    "]([^",
    control!(),
    "]*[^",
    space!(),
    control!(),
    "])?[",
    space!(),
    "]*$"
);
/// One `@` with something on both sides; there may be white space around all of it, and none in it.
pub const ADDRESS: &str = concat!(
    "^[",
    space!(),
    "]*[^@",
    space!(),
    control!(),
    "]+@[^@",
    space!(),
    control!(),
    "]+[",
    space!(),
    "]*$"
);

/// How long a text may be as it is sent, and of what it may be made.
#[derive(Debug)]
pub struct TextRule {
    min: usize,
    max: usize,
    pattern: Option<&'static str>,
    compiled: OnceLock<Regex>,
}

impl TextRule {
    /// Texts of `min` to `max` characters.
    #[must_use]
    pub const fn chars(min: usize, max: usize) -> Self {
        Self {
            min,
            max,
            pattern: None,
            compiled: OnceLock::new(),
        }
    }

    /// Texts that match `pattern`, which bounds their length too.
    #[must_use]
    pub const fn exactly(pattern: &'static str) -> Self {
        Self::chars(0, usize::MAX).like(pattern)
    }

    /// Only such that match `pattern`, which has to mean the same in Rust, ECMA 262 and Python.
    #[must_use]
    pub const fn like(mut self, pattern: &'static str) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Whether a request may have `text`.
    #[must_use]
    pub fn allows(&self, text: &str) -> bool {
        (self.min..=self.max).contains(&text.chars().count())
            && self
                .pattern
                .is_none_or(|pattern| self.compiled(pattern).is_match(text))
    }

    #[expect(clippy::expect_used, reason = "a constant, which a test compiles")]
    fn compiled(&self, pattern: &str) -> &Regex {
        self.compiled
            .get_or_init(|| Regex::new(pattern).expect("a regular expression"))
    }

    /// The same for the document.
    pub fn schema(&self) -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length((self.min > 0).then_some(self.min))
            .max_length((self.max < usize::MAX).then_some(self.max))
            .pattern(self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_what_is_left_without_space_around_it() {
        let rule = TextRule::chars(1, 200).like(ONE_LINE);
        let trimmed = |text: &str| {
            let text = text.trim();
            !text.is_empty() && !text.chars().any(char::is_control)
        };
        // Every pair of one of each kind of characters, and what stands around and between them.
        let kinds: Vec<char> = (0..0x3100).filter_map(char::from_u32).collect();
        for one in kinds {
            for text in [
                format!("{one}"),
                format!("{one}a"),
                format!("a{one}"),
                format!("a{one}b"),
                format!(" {one} "),
                format!("\u{3000}{one}\n"),
            ] {
                assert_eq!(rule.allows(&text), trimmed(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn an_address_has_two_sides_and_no_space_in_it() {
        let rule = TextRule::chars(3, 20).like(ADDRESS);
        for good in ["a@b", " a@b\n", "\u{fc}@b", "a@b.example.org"] {
            assert!(rule.allows(good), "{good:?}");
        }
        for bad in [
            "a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "a@\u{7f}", "a@\u{0}b",
        ] {
            assert!(!rule.allows(bad), "{bad:?}");
        }
    }

    #[test]
    fn lengths_are_characters() {
        let rule = TextRule::chars(2, 3).like(WITHOUT_NUL);
        let told =
            ["\u{fc}", "\u{fc}\u{fc}", "abc", "abcd", "a\u{0}b"].map(|text| rule.allows(text));
        assert_eq!(told, [false, true, true, false, false]);
    }
}
