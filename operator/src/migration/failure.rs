//! What a failed migration says, from the last line of its log. Pure.

use crds::Reason;
use serde::Deserialize;

use crate::platform::{StepError, validate::ValidatedPlatform};

/// Characters of each part that are told.
const MOST: usize = 400;

/// The last line that `crewdeck migrate` writes when it fails.
#[derive(Debug, Deserialize)]
struct Last {
    error: String,
    #[serde(default)]
    migration: Option<String>,
    #[serde(default)]
    statement: Option<String>,
}

/// The error of a failed Job, from its log as far as there is one.
pub(super) fn failure(log: Option<&str>, job: &str, namespace: &str, retry: i64) -> StepError {
    let last = log.and_then(|log| {
        log.lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Last>(line).ok())
    });
    let what = match last {
        Some(Last {
            error,
            migration,
            statement,
        }) => {
            let migration = migration.map_or_else(String::new, |name| format!("{} ", short(&name)));
            let statement =
                statement.map_or_else(String::new, |text| format!(", at: {}", short(&text)));
            format!("migration {migration}failed: {}{statement}", short(&error))
        }
        None => format!(
            "the migration failed without saying why; see: kubectl -n {namespace} logs job/{job}"
        ),
    };
    StepError::terminal(
        Reason::MigrationFailed,
        format!(
            "{what}. The former version goes on serving; mend it and set spec.migration.retry to {}",
            retry + 1
        ),
    )
}

/// The error of a Job that did not end in time.
pub(super) fn too_late(p: &ValidatedPlatform) -> StepError {
    StepError::terminal(
        Reason::MigrationFailed,
        format!(
            "the migration did not end within {} s, the wait for its pod included, and was cut off. The former version \
             goes on serving; mend what kept the pod from starting (image, room on the nodes) or raise \
             spec.migration.deadlineSeconds, and set spec.migration.retry to {}",
            p.migration_deadline.as_secs(),
            p.migration_retry + 1
        ),
    )
}

/// One line of bounded length, without the login part of any URL.
fn short(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c.is_whitespace() || c == '/' || c == '"')
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => &after[at + 1..],
            None => after,
        };
    }
    out.push_str(rest);
    let line: Vec<&str> = out.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_and_the_way_out_are_named() {
        let log = "applied 0001_users\n{\"error\":\"relation \\\"tasks\\\" exists\",\"migration\":\"0003_tasks\",\
                   \"statement\":\"CREATE TABLE\\n  tasks\"}\n";
        let error = failure(Some(log), "demo-migrate-1", "crewdeck", 0);
        assert_eq!(
            error.message,
            "migration 0003_tasks failed: relation \"tasks\" exists, at: CREATE TABLE tasks. The former version goes \
             on serving; mend it and set spec.migration.retry to 1"
        );
    }

    #[test]
    fn a_log_without_the_line_leads_to_the_log() {
        for log in [None, Some(""), Some("killed\n{\"level\":\"info\"}")] {
            let error = failure(log, "demo-migrate-1", "crewdeck", 2);
            assert!(
                error
                    .message
                    .contains("kubectl -n crewdeck logs job/demo-migrate-1"),
                "{error}"
            );
        }
    }

    #[test]
    fn no_login_is_told_and_no_flood() {
        let log = format!(
            "{{\"error\":\"cannot reach postgres://app:canary-7c1f@pg:5432/x and more {}\"}}",
            "x".repeat(4_000)
        );
        let error = failure(Some(&log), "j", "n", 0);
        assert!(!error.message.contains("canary"), "{error}");
        assert!(error.message.contains("postgres://pg:5432/x"), "{error}");
        assert!(error.message.len() < 700);
    }
}
