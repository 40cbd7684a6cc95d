//! Which Secrets are watched: those that Platforms name, and of our own those that a person could break. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crds::Platform;
use kube::ResourceExt as _;

use crate::platform::{build::Client, named_secrets};

/// A Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SecretName {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The watched Secrets, each with the names of the Platforms of its namespace that have to do with it.
pub(super) type Watched = BTreeMap<SecretName, BTreeSet<String>>;

/// What comes first where not all can be watched: a change that people wait for, then what pods read again from their
/// files, then what only matters to the next rotation or the next new pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Users,
    Read,
    Kept,
}

/// The Secrets of these Platforms, at most `limit` of them, and how many more there would be.
///
/// `P-admin` is not among them: it is made once, and one that a person deletes stays away.
pub(super) fn watched<'a>(
    platforms: impl IntoIterator<Item = &'a Platform>,
    limit: usize,
) -> (Watched, usize) {
    let mut all: BTreeMap<SecretName, (Rank, BTreeSet<String>)> = BTreeMap::new();
    for platform in platforms {
        let (namespace, platform_name) = (
            platform.namespace().unwrap_or_default(),
            platform.name_any(),
        );
        let mut add = |rank: Rank, name: String| {
            let secret = SecretName {
                namespace: namespace.clone(),
                name,
            };
            let (first, platforms) = all.entry(secret).or_insert((rank, BTreeSet::new()));
            *first = rank.min(*first);
            platforms.insert(platform_name.clone());
        };
        for name in named_secrets(&platform.spec) {
            add(Rank::Users, name.to_owned());
        }
        let read = Client::ALL.map(Client::as_str).into_iter();
        for suffix in read.chain(["signing"]) {
            add(Rank::Read, format!("{platform_name}-{suffix}"));
        }
        for suffix in ["keyring", "web"] {
            add(Rank::Kept, format!("{platform_name}-{suffix}"));
        }
    }
    let total = all.len();
    let mut ranked: Vec<_> = all.into_iter().collect();
    // Stable: within a rank the order of names decides, so that the choice changes with what is there alone.
    ranked.sort_by_key(|(_, (rank, _))| *rank);
    ranked.truncate(limit);
    let left_out = total - ranked.len();
    let watched = ranked
        .into_iter()
        .map(|(secret, (_, platforms))| (secret, platforms));
    (watched.collect(), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::validate::sample::platform;

    fn of(platforms: &[Platform], limit: usize) -> (Vec<String>, usize) {
        let (watched, left_out) = watched(platforms, limit);
        let names = watched.into_keys().map(|secret| secret.name);
        (names.collect(), left_out)
    }

    #[test]
    fn what_a_platform_names_and_what_can_be_broken() {
        let (names, left_out) = of(&[platform()], 100);
        let expected = [
            "demo-db-analytics-owner",
            "demo-db-analytics-reader",
            "demo-db-app",
            "demo-db-migrator",
            "demo-kafka",
            "demo-kafka-analytics",
            "demo-kafka-app",
            "demo-keyring",
            "demo-postgres",
            "demo-redis",
            "demo-redis-analytics",
            "demo-redis-app",
            "demo-signing",
            "demo-web",
        ];
        assert_eq!(
            (names.as_slice(), left_out),
            (&expected.map(str::to_owned)[..], 0)
        );
    }

    #[test]
    fn the_users_secrets_come_first_where_not_all_can_be_watched() {
        let mut second = platform();
        second.metadata.name = Some("aaa".to_owned());
        second.spec.database.secret_ref.name = "aaa-postgres".to_owned();
        let (names, left_out) = of(&[platform(), second], 4);
        assert_eq!(
            names,
            ["aaa-postgres", "demo-kafka", "demo-postgres", "demo-redis"]
        );
        assert_eq!(left_out, 22);
    }

    #[test]
    fn a_shared_secret_is_watched_once_and_told_to_all() {
        let mut second = platform();
        second.metadata.name = Some("second".to_owned());
        let mut elsewhere = platform();
        elsewhere.metadata.namespace = Some("elsewhere".to_owned());
        let (watched, _) = watched(&[platform(), second, elsewhere], 100);
        let platforms: Vec<_> = watched
            .iter()
            .filter(|(secret, _)| secret.name == "demo-redis")
            .map(|(secret, platforms)| {
                let names: Vec<_> = platforms.iter().map(String::as_str).collect();
                (secret.namespace.as_str(), names)
            })
            .collect();
        assert_eq!(
            platforms,
            [
                ("crewdeck", vec!["demo", "second"]),
                ("elsewhere", vec!["demo"])
            ]
        );
    }
}
