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
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::ExternalNames;

    /// Cluster, namespace and name.
    type Parts = (String, String, String);

    fn of((cluster, namespace, name): &Parts) -> ExternalNames {
        ExternalNames::of(cluster, namespace, name)
    }

    /// Whatever may be a namespace and a name, of few letters, so that much is alike: as short and as long as Kubernetes allows,
    /// and longer than what stays readable of it.
    fn parts() -> impl Strategy<Value = Parts> {
        let cluster = "[a-b0-1-]{0,3}|[A-Za-z0-9._-]{1,40}";
        let namespace = "[a-b0-1]|[a-b0-1][a-b0-1-]{0,8}[a-b0-1]|[a-z0-9][a-z0-9-]{20,61}[a-z0-9]";
        let name = "[a-b]|[a-b][a-b0-1-]{0,8}[a-b0-1]|[a-z][a-z0-9-]{18,38}[a-z0-9]";
        (cluster, namespace, name)
    }

    /// Another one that is as near to the first one as can be.
    fn alike((cluster, namespace, name): &Parts, change: Change, at: usize) -> Parts {
        let with = |cluster: &str, namespace: &str, name: &str| {
            (cluster.to_owned(), namespace.to_owned(), name.to_owned())
        };
        match change {
            // `a-b` and `c` for `a` and `b-c`: it reads the same.
            Change::Split => {
                let whole = format!("{namespace}-{name}");
                let dashes: Vec<usize> = whole.match_indices('-').map(|(at, _)| at).collect();
                let dash = dashes[at % dashes.len()];
                with(cluster, &whole[..dash], &whole[dash + 1..])
            }
            Change::Cluster => with(&format!("{cluster}-{namespace}"), "a", name),
            Change::Other => with("b", namespace, name),
            // Beyond what stays readable.
            Change::End => with(cluster, namespace, &format!("{name}{}", at % 10)),
            // A namespace that is called as the first one's names begin.
            Change::Prefix => {
                let prefix = of(&with(cluster, namespace, name)).prefix().to_owned();
                with(cluster, &prefix, name)
            }
            Change::None => with(cluster, namespace, name),
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Change {
        Split,
        Cluster,
        Other,
        End,
        Prefix,
        None,
    }

    fn changes() -> impl Strategy<Value = Change> {
        prop_oneof![
            Just(Change::Split),
            Just(Change::Cluster),
            Just(Change::Other),
            Just(Change::End),
            Just(Change::Prefix),
            Just(Change::None),
        ]
    }

    /// Everything that one Platform is called on the servers; rights on Redis and Kafka are by what a name begins with, up to
    /// its last sign here.
    fn all(names: &ExternalNames) -> BTreeSet<String> {
        let mut all = BTreeSet::from([
            names.database(),
            names.analytics_database(),
            format!("{}.", names.topic_prefix()),
        ]);
        for client in ["app", "analytics"] {
            all.insert(format!("{}:", names.redis_namespace(client)));
            all.extend(["a", "b"].map(|slot| names.kafka_user(client, slot)));
        }
        all
    }

    /// Whether one of them is shared, or lies within what begins as one of the other's keys and topics do.
    fn meet(left: &ExternalNames, right: &ExternalNames) -> bool {
        let (left, right) = (all(left), all(right));
        let within = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
            let open = one.iter().filter(|name| name.ends_with([':', '.']));
            let mut open = open.map(String::as_str);
            open.any(|start| other.iter().any(|name| name.starts_with(start)))
        };
        !left.is_disjoint(&right) || within(&left, &right) || within(&right, &left)
    }

    proptest! {
        #[test]
        fn different_platforms_have_different_names(left in parts(), right in parts()) {
            prop_assert_eq!(left == right, meet(&of(&left), &of(&right)));
        }

        #[test]
        fn platforms_that_are_nearly_alike_share_no_name(left in parts(), change in changes(), at in 0_usize..60) {
            let right = alike(&left, change, at);
            prop_assert_eq!(left == right, meet(&of(&left), &of(&right)), "{:?} and {:?}", left, right);
        }

        #[test]
        fn every_name_fits(cluster in ".{0,80}", namespace in "[a-z0-9-]{1,63}", name in "[a-z]([a-z0-9-]{0,38}[a-z0-9])?") {
            let names = ExternalNames::of(&cluster, &namespace, &name);
            prop_assert!(names.prefix().len() <= 36);
            prop_assert!(names.prefix().starts_with(|c: char| c.is_ascii_lowercase()));
            prop_assert!(all(&names).iter().all(|name| name.len() <= 63));
            prop_assert!(names.prefix().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }

    #[test]
    fn what_reads_the_same_differs_by_its_hash() {
        let names = |namespace: &str, name: &str| ExternalNames::of("local", namespace, name);
        let (left, right) = (names("a-b", "c"), names("a", "b-c"));
        assert_eq!(left.prefix()[..6], right.prefix()[..6]);
        assert!(!meet(&left, &right));
        // All that differs is beyond what stays readable.
        let long = "team-with-a-rather-long-name";
        let (left, right) = (names(long, "first"), names(long, "second"));
        assert_eq!(left.prefix()[..22], right.prefix()[..22]);
        assert!(!meet(&left, &right));
    }
}
