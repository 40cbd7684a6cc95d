//! Rules that a line of code can break, found by reading it. A finding names the rule's reason, so that nobody has to
//! look it up. The patterns are written in two pieces, or this file would find itself.

use super::{Outcome, sources::Source};
use std::path::Path;

/// One rule: in which files, which words, and why.
struct Rule {
    applies: fn(&Source) -> bool,
    patterns: &'static [&'static str],
    reason: &'static str,
}

/// Every crate with the skeleton of a domain.
const DOMAINS: &[&str] = &[
    "api-server/users",
    "api-server/tasks",
    "api-server/notifications",
    "analytics",
];

/// Shared crates that own tables, and the files that may name them.
const SHARED_TABLES: &[&str] = &[
    "common/db/src",
    "common/events/src",
    "common/http/src/idempotency",
    "common/jobs/src",
];

const RULES: &[Rule] = &[
    Rule {
        applies: |_| true,
        patterns: &[concat!("to", "do!("), concat!("unimple", "mented!(")],
        reason: "not finished",
    },
    Rule {
        applies: |_| true,
        patterns: &[concat!("#[", "ignore")],
        reason: "a test that does not run proves nothing; fix it or remove it",
    },
    Rule {
        applies: |_| true,
        patterns: &[concat!("#[", "allow("), concat!("#![", "allow(")],
        reason: "use #[expect(lint, reason = \"…\")]",
    },
    Rule {
        applies: sql_is_foreign,
        patterns: &[
            concat!("query", "!("),
            concat!("query_as", "!("),
            concat!("query_scalar", "!("),
            concat!("sqlx::", "query"),
            concat!("sqlx::", "raw_sql"),
            concat!("Query", "Builder"),
        ],
        reason: "SQL outside store/",
    },
    Rule {
        applies: |source| in_domain(source) && !source.is_aside() && !speaks_http(source),
        patterns: &[concat!("axum", "::")],
        reason: "axum outside api/, views/ and lib.rs",
    },
    Rule {
        applies: |source| in_domain(source) && source.within(&["api", "views", "consumer", "jobs"]),
        patterns: &[
            concat!(".beg", "in()"),
            concat!(".beg", "in_with("),
            concat!(".in_trans", "action("),
            concat!(".in_one_", "statement("),
        ],
        reason: "a service opens the transaction, not its caller",
    },
    Rule {
        applies: acts_unseen,
        patterns: &[
            concat!(".exec", "ute("),
            concat!("query_", "async("),
            concat!("admin.cre", "ate_"),
            concat!("admin.del", "ete_"),
            concat!("admin.gr", "ant("),
            concat!("admin.gr", "ow_"),
            concat!("admin.rev", "oke_"),
            concat!("admin.s", "et_"),
        ],
        reason: "what changes a server goes through acts::act",
    },
    Rule {
        applies: |source| source.within(&["tests"]) && !sleeps_with_reason(source),
        patterns: &[concat!("sl", "eep("), concat!("sl", "eep_until(")],
        reason: "a test waits for a condition with a deadline, never for time to pass",
    },
];

/// Where what the operator changes on a server is counted and seen; see `operator/src/acts.rs`.
const ACTS: &[&str] = &[
    "kafka/changes.rs",
    "postgres/former.rs",
    "postgres/release.rs",
    "postgres/server.rs",
    "redis/mod.rs",
];

/// Files of tests that wait for time to pass, and why.
const SLEEPS: &[(&str, &str)] = &[
    (
        "tests/src/wait.rs",
        "it is the wait for a condition, which has a deadline",
    ),
    (
        "tests/tests/e2e/api_away.rs",
        "for how long the API server is away is what is tested",
    ),
    (
        "tests/tests/e2e/crash/kill.rs",
        "the moment of the kill is drawn: what it falls on is not known",
    ),
];

/// Reads every file against every rule.
pub(super) fn run(sources: &[Source]) -> Outcome {
    let mut findings: Vec<String> = sources.iter().flat_map(judge).collect();
    findings.extend(sources.iter().filter_map(opening));
    Outcome::of(
        findings,
        format!("{} rules over {} files", RULES.len() + 1, sources.len()),
    )
}

/// The findings in one file.
fn judge(source: &Source) -> Vec<String> {
    let rules: Vec<&Rule> = RULES.iter().filter(|rule| (rule.applies)(source)).collect();
    Source::code_lines(&source.text)
        .flat_map(|(number, line)| {
            rules
                .iter()
                .filter(move |rule| rule.patterns.iter().any(|pattern| line.contains(pattern)))
                .map(move |rule| source.finding(number, rule.reason))
        })
        .collect()
}

/// Every file says first what it is for.
fn opening(source: &Source) -> Option<String> {
    let first = source
        .text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    (!first.is_some_and(|line| line.starts_with("//!")))
        .then(|| source.finding(1, "open the file with //!: what it is for"))
}

fn in_domain(source: &Source) -> bool {
    DOMAINS
        .iter()
        .any(|domain| source.path.starts_with(format!("{domain}/src")))
}

/// Whether a change of a server in this file would be seen by nobody.
fn acts_unseen(source: &Source) -> bool {
    let is = |ends: &[&str]| ends.iter().any(|end| source.path.ends_with(end));
    let for_tests = source.is_aside() || is(&["tests.rs", "replicated.rs"]);
    source.path.starts_with("operator/src/platform/apply") && !for_tests && !is(ACTS)
}

fn sleeps_with_reason(source: &Source) -> bool {
    SLEEPS
        .iter()
        .any(|(file, _)| source.path == Path::new(file))
}

/// Where a domain may name the web framework.
fn speaks_http(source: &Source) -> bool {
    source.within(&["api", "views", "roles"])
        || ["src/lib.rs", "src/testing.rs"]
            .iter()
            .any(|end| source.path.ends_with(end))
}

/// Whether SQL in this file would be in the wrong place.
fn sql_is_foreign(source: &Source) -> bool {
    let shared = SHARED_TABLES
        .iter()
        .any(|prefix| source.path.to_string_lossy().starts_with(prefix));
    let store = source.within(&["store"]) || source.path.ends_with("store.rs");
    let administrator = source
        .path
        .starts_with("operator/src/platform/apply/postgres")
        || source.path.ends_with("platform/apply/postgres.rs");
    let for_tests = source.is_aside()
        || ["testing.rs", "tests.rs"]
            .iter()
            .any(|end| source.path.ends_with(end));
    !(shared || store || administrator || for_tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, code: &str) -> Vec<String> {
        judge(&Source::new(path, code))
    }

    const SQL: &str = concat!("let x = query", "!(\"select 1\");\n");
    const AXUM: &str = concat!("use axum", "::Router;\n");

    #[test]
    fn sql_belongs_to_the_store() {
        for path in [
            "api-server/tasks/src/store/task.rs",
            "operator/src/platform/apply/postgres/roles.rs",
            "common/jobs/src/runs.rs",
            "common/http/src/idempotency.rs",
            "api-server/users/tests/it/login.rs",
        ] {
            assert_eq!(findings(path, SQL), Vec::<String>::new(), "{path}");
        }
        for path in [
            "api-server/tasks/src/service/create.rs",
            "operator/src/platform/status/mod.rs",
            "common/http/src/envelope.rs",
        ] {
            assert_eq!(
                findings(path, SQL),
                [format!("{path}:1: SQL outside store/")]
            );
        }
    }

    #[test]
    fn axum_stays_at_the_edge_of_a_domain() {
        assert_eq!(
            findings("api-server/tasks/src/api/create.rs", AXUM).len(),
            0
        );
        assert_eq!(findings("api-server/tasks/src/lib.rs", AXUM).len(), 0);
        assert_eq!(findings("common/http/src/layers.rs", AXUM).len(), 0);
        assert_eq!(
            findings("api-server/tasks/src/service/create.rs", AXUM).len(),
            1
        );
    }

    #[test]
    fn unfinished_code_is_found_and_comments_are_not() {
        for code in [
            concat!("to", "do!()\n"),
            concat!("#[", "ignore]\n"),
            concat!("#[", "allow(dead_code)]\n"),
        ] {
            assert_eq!(findings("a/src/lib.rs", code).len(), 1, "{code}");
            assert_eq!(findings("a/src/lib.rs", &format!("// {code}")).len(), 0);
        }
    }

    #[test]
    fn only_services_open_transactions() {
        for code in [
            concat!("let tx = pool.beg", "in().await?;\n"),
            concat!("    .in_trans", "action(&pool, at, work, answer)\n"),
        ] {
            assert_eq!(
                findings("api-server/tasks/src/service/create.rs", code).len(),
                0
            );
            assert_eq!(
                findings("api-server/tasks/src/api/create.rs", code).len(),
                1
            );
        }
    }

    #[test]
    fn what_changes_a_server_is_seen() {
        let code = concat!("    admin.gr", "ant(user, acls).await\n");
        let apply = "operator/src/platform/apply";
        let found = |file: &str| findings(&format!("{apply}/{file}"), code).len();
        assert_eq!(found("kafka/users.rs"), 1);
        assert_eq!(found("kafka/changes.rs") + found("kafka/tests.rs"), 0);
    }

    #[test]
    fn tests_do_not_wait_for_time() {
        for code in [
            concat!("tokio::time::sl", "eep(SECOND).await;\n"),
            concat!("    sl", "eep(SECOND).await;\n"),
            concat!("    sl", "eep_until(began + AWAY).await;\n"),
            concat!("std::thread::sl", "eep(SECOND);\n"),
        ] {
            assert_eq!(findings("tests/tests/journey.rs", code).len(), 1, "{code}");
            assert_eq!(findings("common/db/tests/it/wait.rs", code).len(), 1);
            assert_eq!(findings("tests/src/wait.rs", code).len(), 0);
            assert_eq!(findings("common/events/src/relay.rs", code).len(), 0);
        }
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        assert_eq!(opening(&Source::new("a.rs", "//! A.\nfn a() {}\n")), None);
        assert_eq!(opening(&Source::new("a.rs", "#![x]\n//! A.\n")), None);
        assert!(opening(&Source::new("a.rs", "fn a() {}\n")).is_some());
    }
}
