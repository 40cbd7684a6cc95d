//! What one pass found, step by step.

use std::collections::BTreeMap;

use crds::{
    ConditionType, CredentialStatus, MigrationStatus, Reason, RoleStatus, SigningKeyStatus,
    TopicsStatus,
};

use crate::platform::StepError;

/// How one condition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `True`, `False` or, as `None`, `Unknown`.
    pub holds: Option<bool>,
    /// Reason.
    pub reason: Reason,
    /// One line.
    pub message: String,
}

/// What one pass found. A step that was not reached leaves its condition `Unknown`.
#[derive(Debug, Default)]
pub struct Report {
    /// Conditions by type; `Ready`, `Reconciling` and `Stalled` follow from the rest.
    pub(super) verdicts: BTreeMap<ConditionType, Verdict>,
    /// The first thing that is waited for.
    pub(super) blocker: Option<StepError>,
    /// The roles.
    pub roles: Vec<RoleStatus>,
    /// The signing keys.
    pub signing_keys: Vec<SigningKeyStatus>,
    /// The logins.
    pub credentials: Vec<CredentialStatus>,
    /// The topics.
    pub topics: Option<TopicsStatus>,
    /// The migration.
    pub migration: Option<MigrationStatus>,
    /// Version that every role runs, when they all do.
    pub version: Option<String>,
}

impl Report {
    /// Notes that a step is done.
    pub fn done(&mut self, condition: ConditionType, message: impl Into<String>) {
        self.verdicts.insert(
            condition,
            Verdict {
                holds: Some(true),
                reason: Reason::Ready,
                message: message.into(),
            },
        );
    }

    /// Notes that a step is not done. The first one noted is what the Platform waits for.
    pub fn failed(&mut self, condition: ConditionType, error: &StepError) {
        let message = error.message.clone();
        self.verdicts.insert(
            condition,
            Verdict {
                holds: Some(false),
                reason: error.reason,
                message,
            },
        );
        self.blocker.get_or_insert_with(|| error.clone());
    }

    /// Notes the outcome of a step and gives its result, if there is one.
    pub fn note<T>(
        &mut self,
        condition: ConditionType,
        outcome: Result<T, StepError>,
        message: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.done(condition, message(&value));
                Some(value)
            }
            Err(error) => {
                self.failed(condition, &error);
                None
            }
        }
    }

    /// What is waited for first.
    #[must_use]
    pub fn blocker(&self) -> Option<&StepError> {
        self.blocker.as_ref()
    }
}
