//! What one pass found, step by step.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use crds::{
    ConditionType, CredentialStatus, MigrationStatus, PlanStatus, Reason, RoleStatus, TopicsStatus,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    credentials::{Schedule, Settled},
    keys::look_again,
    platform::StepError,
};

/// After this long a former login should have ended.
const SLOW_DRAIN: TimeDelta = TimeDelta::minutes(10);

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
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Conditions by type; `Ready`, `Reconciling` and `Stalled` follow from the rest.
    pub(super) verdicts: BTreeMap<ConditionType, Verdict>,
    /// The first thing that is waited for.
    pub(super) blocker: Option<StepError>,
    /// Set while nothing is done because `spec.suspend` says so: what is told then.
    pub suspended: Option<StepError>,
    /// The roles.
    pub roles: Vec<RoleStatus>,
    /// Roles of which nothing is left.
    pub removed_roles: Vec<String>,
    /// When to look again at the latest, because something has a date.
    pub look: Option<DateTime<Utc>>,
    /// The logins.
    pub credentials: Vec<CredentialStatus>,
    /// A former login that should have ended long ago.
    pub(in crate::platform) slow_login: Option<StepError>,
    /// Topics that are otherwise than wanted and stay so.
    pub(in crate::platform) unlike_topics: Option<StepError>,
    /// The topics.
    pub topics: Option<TopicsStatus>,
    /// What the upgrade that is wanted does.
    pub plan: Option<PlanStatus>,
    /// The migration.
    pub migration: Option<MigrationStatus>,
    /// Whether Kubernetes has given a role up that rolls.
    pub(crate) given_up: bool,
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

    /// Notes that a step is not done because it comes after others, which tell for themselves what they wait for.
    pub fn pending(&mut self, condition: ConditionType, reason: Reason, message: String) {
        let verdict = Verdict {
            holds: Some(false),
            reason,
            message,
        };
        self.verdicts.insert(condition, verdict);
    }

    /// Notes that a step is done and something beside it takes longer than it should: to be told, but what is there works.
    pub fn slow(&mut self, condition: ConditionType, error: &StepError) {
        self.verdicts.insert(
            condition,
            Verdict {
                holds: Some(true),
                reason: error.reason,
                message: error.message.clone(),
            },
        );
    }

    /// Notes what is to be mended on a server, if anything is, though it works.
    pub fn warn(&mut self, condition: ConditionType, reason: Reason, words: Option<&String>) {
        if let Some(words) = words {
            self.slow(condition, &StepError::waiting(reason, words));
        }
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

    /// Notes how a client's login stands, and when it has to be looked at again.
    pub(in crate::platform) fn login(
        &mut self,
        client: &str,
        settled: &Settled,
        schedule: &Schedule,
        now: DateTime<Utc>,
    ) {
        let Settled {
            user,
            issue,
            draining,
        } = settled;
        let look = match draining {
            Some(_) => look_again(issue.at, now),
            None => issue.due_at(schedule),
        };
        self.look = Some(self.look.map_or(look, |at| at.min(look)));
        if let Some(waits) = draining.as_ref().filter(|_| now > issue.at + SLOW_DRAIN) {
            self.slow_login.get_or_insert_with(|| {
                StepError::waiting(
                    Reason::CredentialPropagation,
                    format!(
                        "{client} has a new login, and the former one cannot be ended yet: {waits}. Check that the operator \
                         reaches port 9000 of these pods; deleting such a pod helps"
                    ),
                )
            });
        }
        self.credentials.push(CredentialStatus {
            client: client.to_owned(),
            login: user.clone(),
            epoch: i64::try_from(issue.epoch).unwrap_or(i64::MAX),
            phase: if draining.is_some() {
                "Draining"
            } else {
                "Active"
            }
            .to_owned(),
            issued_at: jiff::Timestamp::from_second(issue.at.timestamp())
                .ok()
                .map(Time),
            message: draining.clone(),
        });
    }

    /// What is waited for first.
    #[must_use]
    pub fn blocker(&self) -> Option<&StepError> {
        self.blocker.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{credentials::Issue, told::is_told};

    #[test]
    fn a_former_login_that_stays_open_is_told_after_a_while() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let schedule = Schedule {
            period: TimeDelta::days(30),
            rotation: 0,
            patience: TimeDelta::minutes(2),
        };
        let told = |minutes: i64| {
            let mut report = Report::default();
            let settled = Settled {
                user: "demo_app_b".to_owned(),
                issue: Issue {
                    epoch: 7,
                    at: now - TimeDelta::minutes(minutes),
                    rotation: 0,
                },
                draining: Some("demo_app_a may still be used by demo-web-1".to_owned()),
            };
            report.login("db-app", &settled, &schedule, now);
            assert_eq!(report.credentials[0].login, "demo_app_b");
            report.slow_login
        };
        assert_eq!(told(10), None);
        let told = told(11).expect("it is slow");
        is_told(Reason::CredentialPropagation, told.reason.as_str());
        for part in ["db-app", "demo-web-1", "port 9000"] {
            assert!(told.message.contains(part), "{told}");
        }
    }
}
