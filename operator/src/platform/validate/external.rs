//! Names on the servers that the user brings.

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// Names of what one Platform has on a server. No two Platforms share one: the readable part may repeat, the
/// hash is over cluster, namespace and name with their lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalNames {
    prefix: String,
}

/// Bytes of the readable part; with `-` and the hash a prefix has at most 35, so that every name made from it
/// stays below PostgreSQL's 63.
const READABLE: usize = 22;
/// Bytes of the hash, in hexadecimal digits twice as many.
const HASH: usize = 6;

impl ExternalNames {
    /// Names of the Platform `name` in `namespace` of `cluster`.
    #[must_use]
    pub fn of(cluster: &str, namespace: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [cluster, namespace, name] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let readable: String = format!("{namespace}-{name}")
            .chars()
            .map(|c| {
                if c.is_ascii_lowercase() || c.is_ascii_digit() {
                    c
                } else {
                    '-'
                }
            })
            .take(READABLE)
            .collect();
        let first = if readable.starts_with(|c: char| c.is_ascii_lowercase()) {
            ""
        } else {
            "p"
        };
        let hash = hex(&hash.finalize()[..HASH]);
        Self {
            prefix: format!("{first}{}-{hash}", readable.trim_matches('-')),
        }
    }

    /// The part that all names share: lower-case letters, digits and `-`, at most 36 bytes.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The prefix as SQL names have it: `_` for `-`.
    #[must_use]
    pub fn sql(&self) -> String {
        self.prefix.replace('-', "_")
    }

    /// Database of the application.
    #[must_use]
    pub fn database(&self) -> String {
        self.sql()
    }

    /// Database of analytics.
    #[must_use]
    pub fn analytics_database(&self) -> String {
        format!("{}_analytics", self.sql())
    }

    /// What stands before each topic and consumer group, without the dot.
    #[must_use]
    pub fn topic_prefix(&self) -> &str {
        &self.prefix
    }

    /// Namespace of the keys and name of the user of one Redis client, `app` or `analytics`.
    #[must_use]
    pub fn redis_namespace(&self, client: &str) -> String {
        format!("{}-{client}", self.prefix)
    }

    /// A SCRAM user of one Kafka client, `app` or `analytics`, in slot `a` or `b`.
    #[must_use]
    pub fn kafka_user(&self, client: &str, slot: &str) -> String {
        format!("{}-{client}-{slot}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ExternalNames;

    proptest! {
        #[test]
        fn different_platforms_have_different_names(
            left in ("[a-z-]{1,8}", "[a-z-]{1,8}", "[a-z-]{1,8}"),
            right in ("[a-z-]{1,8}", "[a-z-]{1,8}", "[a-z-]{1,8}"),
        ) {
            let of = |(cluster, namespace, name): &(String, String, String)| ExternalNames::of(cluster, namespace, name);
            prop_assert_eq!(left == right, of(&left) == of(&right));
        }

        #[test]
        fn every_name_fits(cluster in ".{0,80}", namespace in "[a-z0-9-]{1,63}", name in "[a-z]([a-z0-9-]{0,38}[a-z0-9])?") {
            let names = ExternalNames::of(&cluster, &namespace, &name);
            prop_assert!(names.prefix().len() <= 36);
            prop_assert!(names.prefix().starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(names.analytics_database().len() <= 63);
            prop_assert!(names.prefix().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }
}
