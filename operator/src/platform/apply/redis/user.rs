//! What a Redis user may do: an allow-list of commands, one prefix of keys, the same prefix of channels. Pure.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Value, from_redis_value_ref};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The commands of `common/cache` and of the Redis transport of `common/events`. None that lists keys, runs scripts,
/// changes the database or the server.
const COMMANDS: &[&str] = &[
    "ping",
    // Values, counters, leases.
    "get",
    "getdel",
    "set",
    "setex",
    "del",
    "incr",
    "decr",
    "expire",
    "pexpire",
    // A batch or a counter with its life is one step.
    "multi",
    "exec",
    "discard",
    // Streams.
    "xadd",
    "xread",
    "xreadgroup",
    "xrevrange",
    "xack",
    "xgroup|create",
];

/// A user as it should be, or as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    on: bool,
    /// SHA-256 of each password, in hexadecimal digits.
    hashes: BTreeSet<String>,
    commands: BTreeSet<String>,
    keys: String,
    channels: String,
    selectors: usize,
}

impl Shape {
    /// The user of a namespace, with one password.
    pub(super) fn wanted(namespace: &str, password: &SecretString) -> Self {
        let digest = Sha256::digest(password.expose_secret().as_bytes());
        let allowed = COMMANDS.iter().map(|command| format!("+{command}"));
        Self {
            on: true,
            hashes: BTreeSet::from([hex(&digest)]),
            commands: allowed.chain(["-@all".to_owned()]).collect(),
            keys: format!("~{namespace}:*"),
            channels: format!("&{namespace}:*"),
            selectors: 0,
        }
    }

    /// The answer of `ACL GETUSER`; none if there is no such user.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let fields: BTreeMap<String, Value> = from_redis_value_ref(answer).ok()?;
        let list = |name: &str| -> BTreeSet<String> {
            let value = fields.get(name).map(from_redis_value_ref);
            value.and_then(Result::ok).unwrap_or_default()
        };
        let text = |name: &str| -> String {
            let value = fields.get(name).map(from_redis_value_ref);
            value.and_then(Result::ok).unwrap_or_default()
        };
        let selectors = match fields.get("selectors") {
            Some(Value::Array(selectors)) => selectors.len(),
            _ => 0,
        };
        let flags = list("flags");
        Some(Self {
            on: flags.contains("on") && !flags.contains("nopass"),
            hashes: list("passwords"),
            commands: text("commands")
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            keys: text("keys"),
            channels: text("channels"),
            selectors,
        })
    }

    /// Whether this can only be the user of that namespace, made by us.
    pub(super) fn is_of(&self, namespace: &str) -> bool {
        self.keys == format!("~{namespace}:*") && self.selectors == 0
    }

    /// The arguments of `ACL SETUSER` after the name. They begin with `reset`: the command only adds.
    pub(super) fn rules(&self) -> Vec<String> {
        let mut rules: Vec<String> = vec!["reset".into(), "on".into()];
        rules.extend(self.hashes.iter().map(|hash| format!("#{hash}")));
        rules.push(self.keys.clone());
        rules.push("resetchannels".into());
        rules.push(self.channels.clone());
        let commands = self.commands.iter().filter(|command| *command != "-@all");
        rules.extend(commands.cloned());
        rules
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_by_hash_and_in_its_namespace() {
        let shape = Shape::wanted("demo-app", &SecretString::from("password"));
        let rules = shape.rules();
        assert_eq!(
            rules[..6],
            [
                "reset",
                "on",
                "#5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
                "~demo-app:*",
                "resetchannels",
                "&demo-app:*"
            ]
        );
        assert!(rules[6..].iter().all(|rule| rule.starts_with('+')));
        assert!(shape.is_of("demo-app") && !shape.is_of("demo"));
    }
}
