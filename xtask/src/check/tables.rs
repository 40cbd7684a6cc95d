//! Foreign tables: a `store/` names the tables of its own domain and the shared write-side tables, nothing else.

use super::{Outcome, sources::Source};

/// Which folder owns which tables.
const OWNERS: &[(&str, &[&str])] = &[
    (
        "api-server/users",
        &[
            "users",
            "teams",
            "memberships",
            "sessions",
            "known_networks",
            "revocations",
        ],
    ),
    ("api-server/tasks", &["tasks"]),
    ("api-server/notifications", &["notifications"]),
    (
        "analytics",
        &[
            "analytics_tasks",
            "analytics_teams",
            "analytics_memberships",
            "analytics_revocations",
        ],
    ),
];

/// Written by every domain in the statement that changes its own rows.
const SHARED: &[&str] = &["audit", "outbox", "idempotency_keys", "inbox"];

/// After these words comes a table.
const BEFORE_A_TABLE: &[&str] = &["from", "join", "into", "update", "references"];

/// Reads every store.
pub(super) fn run(sources: &[Source]) -> Outcome {
    let stores: Vec<&Source> = sources
        .iter()
        .filter(|source| source.within(&["store"]) && !source.is_aside())
        .collect();
    let findings = stores.iter().flat_map(|source| judge(source)).collect();
    Outcome::of(findings, format!("{} store files", stores.len()))
}

/// The findings in one store file.
fn judge(source: &Source) -> Vec<String> {
    let own: &[&str] = OWNERS
        .iter()
        .find(|(folder, _)| source.path.starts_with(folder))
        .map_or(&[], |(_, tables)| tables);
    let analytics = source.path.starts_with("analytics");
    let mut findings = Vec::new();
    let mut before = String::new();
    for (number, line) in Source::code_lines(source.shipped()) {
        let words = line
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .filter(|word| !word.is_empty());
        for word in words {
            let word = word.to_ascii_lowercase();
            let table = word.rsplit('.').next().unwrap_or(&word);
            let foreign = OWNERS.iter().any(|(_, tables)| tables.contains(&table))
                || (SHARED.contains(&table) && analytics && !word.starts_with("analytics."));
            let allowed = own.contains(&table) || (SHARED.contains(&table) && !analytics);
            if BEFORE_A_TABLE.contains(&before.as_str()) && foreign && !allowed {
                findings.push(source.finding(
                    number,
                    &format!("the table {table} belongs to another crate: ask its facade"),
                ));
            }
            before = word;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, sql: &str) -> usize {
        judge(&Source::new(path, sql)).len()
    }

    #[test]
    fn accepts_own_and_shared_tables() {
        let path = "api-server/tasks/src/store/task.rs";
        assert_eq!(
            findings(path, "insert into tasks (id)\nselect * from new\n"),
            0
        );
        assert_eq!(findings(path, "insert into audit\ninsert into outbox\n"), 0);
        assert_eq!(
            findings(
                "analytics/src/store/replica/tasks.rs",
                "from analytics_tasks t\n"
            ),
            0
        );
        assert_eq!(
            findings(
                "analytics/src/store/own/inbox.rs",
                "insert into analytics.inbox\n"
            ),
            0
        );
    }

    #[test]
    fn rejects_the_tables_of_others() {
        let path = "api-server/tasks/src/store/task.rs";
        assert_eq!(
            findings(path, "select 1 from tasks t JOIN memberships m\n"),
            1
        );
        assert_eq!(findings(path, "update\n  public.users set\n"), 1);
        assert_eq!(
            findings("analytics/src/store/replica/tasks.rs", "from tasks\n"),
            1
        );
        assert_eq!(findings("analytics/src/store/own/x.rs", "into outbox\n"), 1);
    }

    #[test]
    fn a_column_or_a_cte_of_that_name_is_no_table() {
        let path = "api-server/tasks/src/store/task.rs";
        assert_eq!(findings(path, "select users, teams from visible\n"), 0);
    }
}
