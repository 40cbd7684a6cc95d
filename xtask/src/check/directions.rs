//! Who may depend on whom. The table is the one of `ARCHITECTURE.md`; everything else is a finding.

use super::{Outcome, metadata::Metadata};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// The base every shared crate may use.
const BASE: &[&str] = &["common-clock", "common-config", "common-telemetry"];
/// Every shared crate.
const COMMON: &[&str] = &[
    "common-auth",
    "common-cache",
    "common-clock",
    "common-config",
    "common-db",
    "common-events",
    "common-history",
    "common-http",
    "common-jobs",
    "common-kafka",
    "common-outbound",
    "common-reach",
    "common-service",
    "common-telemetry",
];
/// The application's domains and what they are composed with.
const APPLICATION: &[&str] = &[
    "api-server-notifications",
    "api-server-realtime",
    "api-server-schema",
    "api-server-tasks",
    "api-server-users",
];

/// A member and the groups of members it may depend on.
type Row = (&'static str, &'static [&'static [&'static str]]);

/// The allowed arrows, lowest crate first.
const TABLE: &[Row] = &[
    ("common-clock", &[]),
    ("common-config", &[]),
    ("common-telemetry", &[&["common-config"]]),
    ("common-scratch", &[]),
    ("common-service", &[BASE]),
    ("common-outbound", &[BASE]),
    ("common-db", &[BASE]),
    ("common-cache", &[BASE]),
    ("common-kafka", &[BASE]),
    ("common-auth", &[BASE, &["common-outbound"]]),
    (
        "common-reach",
        &[
            BASE,
            &[
                "common-auth",
                "common-db",
                "common-outbound",
                "common-service",
            ],
        ],
    ),
    ("common-events", &[BASE, &["common-db", "common-kafka"]]),
    ("common-jobs", &[BASE, &["common-db"]]),
    (
        "common-http",
        &[BASE, &["common-auth", "common-cache", "common-db"]],
    ),
    ("common-history", &[BASE, &["common-db", "common-http"]]),
    ("crds", &[]),
    (
        "operator",
        &[
            BASE,
            &[
                "common-auth",
                "common-kafka",
                "common-outbound",
                "common-service",
                "crds",
            ],
        ],
    ),
    ("api-server-schema", &[&["common-db"]]),
    ("api-server-users", &[COMMON]),
    ("api-server-tasks", &[COMMON, &["api-server-users"]]),
    (
        "api-server-notifications",
        &[COMMON, &["api-server-tasks", "api-server-users"]],
    ),
    (
        "api-server-realtime",
        &[COMMON, &["api-server-tasks", "api-server-users"]],
    ),
    ("api-server", &[COMMON, APPLICATION]),
    ("analytics", &[COMMON]),
    (
        "crewdeck",
        &[
            COMMON,
            &["analytics", "api-server", "common-scratch", "operator"],
        ],
    ),
    ("tests", &[&["common-clock", "crds"]]),
    ("xtask", &[&["common-scratch", "crds"]]),
    ("xtask-player", &[&["crds"]]),
];

/// Tests of these crates need tables, so they alone may have the schema as a dev-dependency.
const SCHEMA_IN_TESTS: &[&str] = &[
    "analytics",
    "api-server-notifications",
    "api-server-realtime",
    "api-server-tasks",
    "api-server-users",
    "common-events",
    "common-http",
    "common-jobs",
];

/// The operator's tests use what it provisions as the roles do: through the crates that the roles use; and a Redis that is
/// set up as it should not be. Those of users take a Redis away, those of the whole API have a folder for keys. A test of the
/// whole cuts the operator off at its acts, which nobody can do from outside.
const USED_IN_TESTS: &[(&str, &str)] = &[
    ("api-server", "common-scratch"),
    ("api-server-users", "common-scratch"),
    ("operator", "common-cache"),
    ("operator", "common-events"),
    ("operator", "common-scratch"),
    ("tests", "operator"),
];

/// Features that turn an allowed dependency into a forbidden one: crate, dependency, feature, why.
const FEATURES: &[(&str, &str, &str, &str)] = &[(
    "crds",
    "kube",
    "client",
    "types and rules only: whoever reads them must not link a client",
)];

/// An arrow inside the workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    dev: bool,
}

/// Compares the arrows of the workspace with the table.
pub(super) fn run(metadata: &Metadata) -> Outcome {
    let members: BTreeSet<String> = metadata.packages.iter().map(|p| p.name.clone()).collect();
    let arrows: Vec<Arrow> = metadata
        .packages
        .iter()
        .flat_map(|package| {
            package
                .dependencies
                .iter()
                .filter(|dependency| dependency.path.is_some())
                .map(|dependency| Arrow {
                    from: package.name.clone(),
                    to: dependency.name.clone(),
                    dev: dependency.is_dev(),
                })
        })
        .collect();
    let mut findings = judge(&members, &arrows);
    for (owner, name, feature, reason) in FEATURES {
        let enabled = metadata
            .packages
            .iter()
            .filter(|package| package.name == *owner)
            .flat_map(|package| &package.dependencies)
            .any(|d| !d.is_dev() && d.name == *name && d.features.iter().any(|f| f == feature));
        if enabled {
            findings.push(format!("{owner} enables {name}/{feature}: {reason}"));
        }
    }
    Outcome::of(findings, draw(&members, &arrows))
}

/// The findings: arrows outside the table, members without a row, rows without a member.
fn judge(members: &BTreeSet<String>, arrows: &[Arrow]) -> Vec<String> {
    let table: BTreeMap<&str, BTreeSet<&str>> = TABLE
        .iter()
        .map(|(name, groups)| (*name, groups.iter().copied().flatten().copied().collect()))
        .collect();
    let mut findings = Vec::new();
    for member in members {
        if !table.contains_key(member.as_str()) {
            findings.push(format!(
                "{member} has no row in the table of xtask/src/check/directions.rs"
            ));
        }
    }
    for name in table.keys() {
        if !members.contains(*name) {
            findings.push(format!(
                "the table has a row for {name}, which is no member"
            ));
        }
    }
    for Arrow { from, to, dev } in arrows {
        let allowed = table
            .get(from.as_str())
            .is_some_and(|targets| targets.contains(to.as_str()));
        let for_tests = *dev
            && (to == "api-server-schema" && SCHEMA_IN_TESTS.contains(&from.as_str())
                || USED_IN_TESTS.contains(&(from.as_str(), to.as_str())));
        let own_features = *dev && from == to;
        if !(allowed || for_tests || own_features) {
            let kind = if *dev { " (dev-dependency)" } else { "" };
            findings.push(format!("{from} → {to}{kind} is not allowed"));
        }
    }
    findings
}

/// One line per crate, then the totals. Dev-dependencies are in brackets.
fn draw(members: &BTreeSet<String>, arrows: &[Arrow]) -> String {
    let mut text = String::new();
    for member in members {
        let mut targets: Vec<String> = arrows
            .iter()
            .filter(|arrow| arrow.from == *member && arrow.to != *member)
            .map(|arrow| {
                if arrow.dev {
                    format!("[{}]", arrow.to)
                } else {
                    arrow.to.clone()
                }
            })
            .collect();
        targets.sort();
        targets.dedup();
        let targets = if targets.is_empty() {
            "–".to_owned()
        } else {
            targets.join(" ")
        };
        let _ = writeln!(text, "{member:<25} → {targets}");
    }
    let distinct: BTreeSet<(&str, &str)> = arrows
        .iter()
        .filter(|arrow| !arrow.dev)
        .map(|arrow| (arrow.from.as_str(), arrow.to.as_str()))
        .collect();
    let _ = write!(text, "{} crates, {} arrows", members.len(), distinct.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> BTreeSet<String> {
        TABLE.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn arrow(from: &str, to: &str, dev: bool) -> Arrow {
        Arrow {
            from: from.to_owned(),
            to: to.to_owned(),
            dev,
        }
    }

    #[test]
    fn accepts_arrows_of_the_table() {
        let arrows = [
            arrow("api-server-tasks", "api-server-users", false),
            arrow("common-telemetry", "common-config", false),
            arrow("operator", "crds", false),
        ];
        assert_eq!(judge(&members(), &arrows), Vec::<String>::new());
    }

    #[test]
    fn rejects_arrows_outside_the_table() {
        for (from, to) in [
            ("api-server-users", "api-server-tasks"),
            ("common-db", "common-cache"),
            ("analytics", "api-server-users"),
            ("operator", "common-http"),
            ("api-server", "operator"),
            ("xtask", "crewdeck"),
        ] {
            let findings = judge(&members(), &[arrow(from, to, false)]);
            assert_eq!(findings, [format!("{from} → {to} is not allowed")]);
        }
    }

    #[test]
    fn tests_alone_may_see_the_schema() {
        let dev = arrow("api-server-users", "api-server-schema", true);
        assert_eq!(judge(&members(), &[dev]), Vec::<String>::new());
        let normal = arrow("api-server-users", "api-server-schema", false);
        assert_eq!(judge(&members(), &[normal]).len(), 1);
        let stranger = arrow("operator", "api-server-schema", true);
        assert_eq!(judge(&members(), &[stranger]).len(), 1);
    }

    #[test]
    fn a_new_crate_needs_a_row_and_a_row_needs_a_crate() {
        let mut members = members();
        members.insert("common-utils".to_owned());
        members.remove("crds");
        let findings = judge(&members, &[]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("common-utils has no row"));
        assert!(findings[1].contains("a row for crds"));
    }

    fn reaches(table: &BTreeMap<&str, Vec<&str>>, from: &str, to: &str, left: usize) -> bool {
        left > 0
            && table[from]
                .iter()
                .any(|next| *next == to || reaches(table, next, to, left - 1))
    }

    #[test]
    fn the_table_has_no_cycle() {
        let table: BTreeMap<&str, Vec<&str>> = TABLE
            .iter()
            .map(|(name, groups)| (*name, groups.iter().copied().flatten().copied().collect()))
            .collect();
        for name in table.keys() {
            assert!(!reaches(&table, name, name, 8), "{name} reaches itself");
        }
    }
}
