//! What a failed migration says, from the last line of its log. Pure.

use crds::Reason;
use serde::Deserialize;

use crate::platform::{StepError, validate::ValidatedPlatform};

/// Characters of each part that are told.
const MOST: usize = 400;

/// The last line that `crewdeck migrate` writes when it fails, under a key that no line of a log has.
#[derive(Debug, Deserialize)]
struct Line {
    migration_failed: Last,
}

#[derive(Debug, Deserialize)]
struct Last {
    error: String,
    #[serde(default)]
    migration: Option<String>,
    #[serde(default)]
    statement: Option<String>,
    #[serde(default)]
    transient: bool,
}

/// A failed Job, as its log tells.
#[derive(Debug)]
pub(super) struct Failure(Option<Last>);

impl Failure {
    /// From the end of the log, as far as there is one.
    pub(super) fn read(log: Option<&str>) -> Self {
        Self(log.and_then(|log| {
            log.lines()
                .rev()
                .find_map(|line| serde_json::from_str::<Line>(line).ok())
                .map(|line| line.migration_failed)
        }))
    }

    /// Whether the same may succeed a little later. What ended without a word was killed.
    pub(super) fn is_transient(&self) -> bool {
        self.0.as_ref().is_none_or(|last| last.transient)
    }

    /// What failed, in one line.
    pub(super) fn what(&self, job: &str, p: &ValidatedPlatform) -> String {
        let Some(last) = &self.0 else {
            return format!(
                "the migration ended without saying why; see: kubectl -n {} logs job/{job}",
                p.namespace
            );
        };
        let migration = last
            .migration
            .as_ref()
            .map_or_else(String::new, |name| format!("{} ", short(name)));
        let statement = last
            .statement
            .as_ref()
            .map_or_else(String::new, |text| format!(", at: {}", short(text)));
        format!(
            "migration {migration}failed: {}{statement}",
            short(&last.error)
        )
    }

    /// The error that a person has to mend.
    pub(super) fn error(&self, job: &str, p: &ValidatedPlatform) -> StepError {
        StepError::terminal(
            Reason::MigrationFailed,
            format!(
                "{}. The version that runs goes on serving; mend it and set spec.migration.retry to {}",
                self.what(job, p),
                p.migration.retry + 1
            ),
        )
    }
}

/// The error of a Job that did not end in time.
pub(super) fn too_late(p: &ValidatedPlatform) -> StepError {
    StepError::terminal(
        Reason::MigrationFailed,
        format!(
            "the migration did not end within {} s, the wait for its pod included, and was cut off. The version that runs \
             goes on serving; mend what kept the pod from starting (image, room on the nodes) or raise \
             spec.migration.deadlineSeconds, and set spec.migration.retry to {}",
            p.migration.deadline_seconds,
            p.migration.retry + 1
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
    use crate::platform::validate::sample::sample;

    #[test]
    fn the_statement_and_the_way_out_are_named() {
        let log = "applied 0001_users\n{\"migration_failed\":{\"error\":\"relation \\\"tasks\\\" exists\",\"migration\":\"0003_tasks\",\
                   \"statement\":\"CREATE TABLE\\n  tasks\"}}\n";
        let failure = Failure::read(Some(log));
        assert!(!failure.is_transient());
        assert_eq!(
            failure.error("demo-expand-1-1", &sample()).message,
            "migration 0003_tasks failed: relation \"tasks\" exists, at: CREATE TABLE tasks. The version that runs goes \
             on serving; mend it and set spec.migration.retry to 1"
        );
    }

    #[test]
    fn what_ended_without_a_word_leads_to_its_log_and_is_tried_again() {
        for log in [
            None,
            Some(""),
            Some("killed\n{\"level\":\"warn\",\"error\":\"of something else\"}"),
        ] {
            let failure = Failure::read(log);
            assert!(failure.is_transient(), "{log:?}");
            let error = failure.error("demo-expand-1-3", &sample());
            assert!(
                error
                    .message
                    .contains("kubectl -n crewdeck logs job/demo-expand-1-3"),
                "{error}"
            );
        }
        let passing = Failure::read(Some(
            "{\"migration_failed\":{\"error\":\"no lock\",\"transient\":true}}",
        ));
        assert!(passing.is_transient());
    }

    #[test]
    fn no_login_is_told_and_no_flood() {
        let log = format!(
            "{{\"migration_failed\":{{\"error\":\"cannot reach postgres://app:canary-7c1f@pg:5432/x and more {}\"}}}}",
            "x".repeat(4_000)
        );
        let error = Failure::read(Some(&log)).error("j", &sample());
        assert!(!error.message.contains("canary"), "{error}");
        assert!(error.message.contains("postgres://pg:5432/x"), "{error}");
        assert!(error.message.len() < 700);
    }
}
