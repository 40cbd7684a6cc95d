//! What an act changed.

use serde_json::{Map, Value, json};

/// Changed fields with the values before and after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff(Map<String, Value>);

impl Diff {
    /// What differs between two states of a thing, each told as the same fields in the same order; `before` is `None` for a new
    /// one.
    #[must_use]
    pub fn between<const N: usize>(
        before: Option<[(&'static str, Value); N]>,
        after: [(&'static str, Value); N],
    ) -> Self {
        let before = match before {
            Some(fields) => fields.map(|(_, value)| value),
            None => [const { Value::Null }; N],
        };
        let fields = before.into_iter().zip(after);
        Self(
            fields
                .filter(|(before, (_, after))| before != after)
                .map(|(before, (name, after))| (name.to_owned(), change(&before, &after)))
                .collect(),
        )
    }

    /// One field, which was `before` and is `after`. Its name may be a place inside the thing, with `/` between its parts.
    #[must_use]
    pub fn of(field: impl Into<String>, before: &Value, after: &Value) -> Self {
        Self(
            [(field.into(), change(before, after))]
                .into_iter()
                .collect(),
        )
    }

    /// Names of the changed fields, in the order of the alphabet.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `{"field": {"before": …, "after": …}}`.
    #[must_use]
    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

fn change(before: &Value, after: &Value) -> Value {
    json!({"before": before, "after": after})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str, size: Option<i64>) -> [(&'static str, Value); 2] {
        [("name", json!(name)), ("size", json!(size))]
    }

    #[test]
    fn only_what_differs_is_in_it() {
        let renamed = Diff::between(Some(state("oil", Some(1))), state("fuel", Some(1)));
        let told = json!({"name": {"before": "oil", "after": "fuel"}});
        assert_eq!(renamed.clone().into_json(), told);
        assert_eq!(renamed, Diff::of("name", &json!("oil"), &json!("fuel")));
        let emptied = Diff::between(Some(state("oil", Some(1))), state("oil", None));
        assert_eq!(emptied.fields(), ["size"]);
        assert!(Diff::between(Some(state("oil", None)), state("oil", None)).is_empty());
    }

    #[test]
    fn of_a_new_thing_everything_but_what_is_empty_is_new() {
        let told = json!({"name": {"before": null, "after": "oil"}});
        assert_eq!(Diff::between(None, state("oil", None)).into_json(), told);
    }
}
