//! A user of a former system: one line of an import. Pure.

use chrono::{DateTime, Utc};
use common_auth::StoredHash;
use serde_json::{Map, Value};

use super::{Email, Name};
use crate::Error;

/// Every member that a line may have.
const MEMBERS: &str = "email, name, password, is_active, date_joined";

/// What is wrong at one place of a line: never what was given there, which may be the hash of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// JSON Pointer of the member; empty for the line itself.
    pub(crate) pointer: String,
    /// What is allowed.
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// A user as the former system knew it.
#[derive(Debug, Clone)]
pub(crate) struct ImportedUser {
    pub(crate) email: Email,
    pub(crate) name: Name,
    /// A hash that [`StoredHash::parse`] takes.
    pub(crate) password_hash: String,
    pub(crate) is_active: bool,
    /// When it joined; with the import when the line does not say it.
    pub(crate) joined_at: DateTime<Utc>,
}

impl ImportedUser {
    /// Reads a line: a JSON object with `email`, `name`, `password` (the hash), and optionally `is_active` and `date_joined`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(line: &str, now: DateTime<Utc>) -> Result<Self, Vec<Fault>> {
        // The message of a fault in the syntax has a place and no value.
        let object: Map<String, Value> = match serde_json::from_str(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(vec![Fault::new("", "must be a JSON object")]),
            Err(error) => {
                return Err(vec![Fault::new("", format!("is not valid JSON: {error}"))]);
            }
        };
        let mut members = Members {
            object,
            faults: Vec::new(),
        };
        let email = members.text("email", |text| Email::parse(text).map_err(detail));
        let name = members.text("name", |text| Name::parse(text).map_err(detail));
        let password_hash = members.text("password", |text| {
            StoredHash::parse(text).map_err(|error| error.to_string())?;
            Ok(text.to_owned())
        });
        let is_active = members.optional("is_active", true, |value| {
            value.as_bool().ok_or("must be true or false")
        });
        let joined_at = members.optional("date_joined", now, |value| {
            let joined_at = value.as_str().and_then(|text| text.parse().ok());
            joined_at.filter(|at| *at <= now).ok_or(
                "must be a time that is not to come, with its zone, such as 2024-05-01T12:00:00Z",
            )
        });
        let faults = members.end();
        match (email, name, password_hash, is_active, joined_at) {
            (Some(email), Some(name), Some(password_hash), Some(is_active), Some(joined_at))
                if faults.is_empty() =>
            {
                Ok(Self {
                    email,
                    name,
                    password_hash,
                    is_active,
                    joined_at,
                })
            }
            _ => Err(faults),
        }
    }
}

/// What the rule of a value says; its own place is that of a request.
fn detail(error: Error) -> String {
    match error {
        Error::Invalid { detail, .. } => detail.to_owned(),
        other => other.to_string(),
    }
}

/// The members that are left of a line, and what is wrong with those that were taken.
struct Members {
    object: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Members {
    fn text<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let read = match self.object.remove(name) {
            Some(Value::String(text)) => read(&text),
            Some(_) => Err("must be a text".to_owned()),
            None => Err("is missing".to_owned()),
        };
        self.note(name, read)
    }

    fn optional<T>(
        &mut self,
        name: &str,
        absent: T,
        read: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = self.object.remove(name);
        let read = value.map_or(Ok(absent), |value| read(&value));
        self.note(name, read)
    }

    fn note<T>(&mut self, name: &str, read: Result<T, impl Into<String>>) -> Option<T> {
        read.map_err(|detail| self.faults.push(Fault::new(format!("/{name}"), detail)))
            .ok()
    }

    /// All that is wrong: what is left has no meaning.
    fn end(mut self) -> Vec<Fault> {
        for name in self.object.keys() {
            let detail = format!("is not known; a line may have {MEMBERS}");
            self.faults.push(Fault::new(format!("/{name}"), detail));
        }
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=";

    fn read(line: &str) -> Result<ImportedUser, Vec<Fault>> {
        ImportedUser::parse(line, "2026-03-02T09:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn a_line_is_a_user() {
        let line = format!(
            r#"{{"email": "Ada@Example.org", "name": "Ada", "password": "{HASH}", "is_active": false, "date_joined": "2019-05-01T12:00:00.123456+02:00"}}"#
        );
        let user = read(&line).expect("a user");
        assert_eq!(user.email.as_str(), "ada@example.org");
        assert_eq!(
            user.joined_at.to_rfc3339(),
            "2019-05-01T10:00:00.123456+00:00"
        );
        assert!(!user.is_active);
        let line = r#"{"email": "ben@example.org", "name": "Ben", "password": "!"}"#;
        let user = read(line).expect("a user");
        assert!(user.is_active);
        assert_eq!(user.joined_at.to_rfc3339(), "2026-03-02T09:00:00+00:00");
    }

    #[test]
    fn everything_wrong_with_a_line_is_told_without_its_values() {
        let line = r#"{"email": "nobody", "name": 7, "password": "md5$secretsalt$3f86d0", "is_active": "secretsalt", "date_joined": "2019-05-01T12:00:00", "is_superuser": true}"#;
        let faults = read(line).expect_err("refused");
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            places,
            [
                "/email",
                "/name",
                "/password",
                "/is_active",
                "/date_joined",
                "/is_superuser"
            ]
        );
        assert!(!format!("{faults:?}").contains("secretsalt"), "{faults:?}");
        let places = |line: &str| -> Vec<String> {
            let faults = read(line).expect_err("refused");
            faults.into_iter().map(|fault| fault.pointer).collect()
        };
        assert_eq!(places("{}"), ["/email", "/name", "/password"]);
        assert_eq!(places("[]"), [""]);
        assert_eq!(places("{"), [""]);
        let future = format!(
            r#"{{"email": "a@b.example", "name": "A", "password": "{HASH}", "date_joined": "2027-01-01T00:00:00Z"}}"#
        );
        assert_eq!(places(&future), ["/date_joined"]);
    }
}
