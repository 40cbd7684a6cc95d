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

/// The commands of each category.
pub(super) type Categories = BTreeMap<String, BTreeSet<String>>;
type Fields = BTreeMap<String, Value>;

fn text(value: &Value) -> String {
    from_redis_value_ref(value).unwrap_or_default()
}

/// The commands that a list of rules allows, one rule after the other.
fn allowed(rules: &str, categories: &Categories) -> BTreeSet<String> {
    let mut commands = BTreeSet::new();
    for rule in rules.split_whitespace() {
        let (sign, name) = rule.split_at(1);
        let named = match name.strip_prefix('@') {
            Some("all") if sign == "-" => {
                commands.clear();
                continue;
            }
            Some("all") => BTreeSet::from(["*".to_owned()]),
            Some(category) => categories.get(category).cloned().unwrap_or_default(),
            None => BTreeSet::from([name.to_owned()]),
        };
        if sign == "+" {
            commands.extend(named);
        } else {
            commands.retain(|command| !named.contains(command));
        }
    }
    commands
}

/// A user as it should be, or as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    on: bool,
    /// SHA-256 of each password, in hexadecimal digits.
    hashes: BTreeSet<String>,
    /// The commands that it may use; `*` stands for all.
    commands: BTreeSet<String>,
    keys: String,
    channels: String,
    selectors: usize,
}

impl Shape {
    /// The user of a namespace, with one password.
    pub(super) fn wanted(namespace: &str, password: &SecretString) -> Self {
        let digest = Sha256::digest(password.expose_secret().as_bytes());
        Self {
            on: true,
            hashes: BTreeSet::from([hex(&digest)]),
            commands: COMMANDS.iter().map(ToString::to_string).collect(),
            keys: format!("~{namespace}:*"),
            channels: format!("&{namespace}:*"),
            selectors: 0,
        }
    }

    /// The categories that an answer of `ACL GETUSER` names: a server tells rules in its own words, such as
    /// `+@transaction -watch` for `+multi +exec +discard`.
    pub(super) fn categories(answer: &Value) -> BTreeSet<String> {
        let fields: Fields = from_redis_value_ref(answer).unwrap_or_default();
        let rules: String = fields.get("commands").map_or_else(String::new, text);
        let named = rules
            .split_whitespace()
            .filter_map(|rule| rule[1..].strip_prefix('@'));
        named
            .filter(|name| *name != "all")
            .map(str::to_owned)
            .collect()
    }

    /// The answer of `ACL GETUSER`, with the commands of each category that it names; none if there is no such user.
    pub(super) fn read(answer: &Value, categories: &Categories) -> Option<Self> {
        let fields: Fields = from_redis_value_ref(answer).ok()?;
        let list = |name: &str| -> BTreeSet<String> {
            let value = fields.get(name).map(from_redis_value_ref);
            value.and_then(Result::ok).unwrap_or_default()
        };
        let text = |name: &str| fields.get(name).map_or_else(String::new, text);
        let selectors = match fields.get("selectors") {
            Some(Value::Array(selectors)) => selectors.len(),
            _ => 0,
        };
        let flags = list("flags");
        Some(Self {
            on: flags.contains("on") && !flags.contains("nopass"),
            hashes: list("passwords"),
            commands: allowed(&text("commands"), categories),
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
        rules.extend(self.commands.iter().map(|command| format!("+{command}")));
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
    fn rules_mean_the_same_in_the_words_of_a_server() {
        let set = |names: &[&str]| -> BTreeSet<String> {
            names.iter().map(ToString::to_string).collect()
        };
        let all = set(&["multi", "exec", "discard", "watch", "unwatch"]);
        let categories = Categories::from([("transaction".to_owned(), all)]);
        let told = "-@all +@transaction +get -watch -unwatch +xgroup|create";
        let expected = set(&["multi", "exec", "discard", "get", "xgroup|create"]);
        assert_eq!(allowed(told, &categories), expected);
        assert_eq!(allowed("+get -@all +set", &categories), set(&["set"]));
        assert_eq!(allowed("+@all -get", &categories), set(&["*"]));
    }

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
