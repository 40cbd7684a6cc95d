//! From what a pass found to the status: `(before, found, now) → after`. Pure.

use chrono::{DateTime, Utc};
use crds::{ConditionType, PlatformStatus, Reason, RoleStatus, WaitingOn};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::report::{Report, Verdict};
use crate::platform::{Class, StepError};

/// The status after a pass over generation `generation`. What did not change keeps its times, so that an idle pass
/// gives the same status again.
///
/// `SigningKeyReady`, the keys and their date are told by the keys' own controller, and stay as they are; but while that
/// condition does not hold for this generation, the Platform is not Ready.
pub(super) fn after(
    before: &PlatformStatus,
    mut report: Report,
    generation: i64,
    next: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> PlatformStatus {
    let keys = before
        .conditions
        .iter()
        .find(|condition| condition.type_ == ConditionType::SigningKeyReady.as_str());
    if report.blocker.is_none() && report.suspended.is_none() {
        report.blocker = keys_missing(keys, generation);
    }
    let conditions = ConditionType::ALL
        .into_iter()
        .map(|kind| match (kind, keys) {
            (ConditionType::SigningKeyReady, Some(keys)) => keys.clone(),
            _ => condition(before, kind, verdict(&report, kind), generation, now),
        })
        .collect();
    // The keys that are there work, and it is Ready; but a rotation that is in trouble is to be seen at the first look.
    let slow = keys.and_then(keys_slow);
    let is_slow = report.blocker.is_none() && report.suspended.is_none();
    let waits_for = report.blocker.as_ref().or(report.suspended.as_ref());
    let waiting_on = waits_for.or(slow.as_ref()).map(|blocker| {
        let reason = blocker.reason.as_str();
        // What only a person can change is not told anew at each look, nor is what another controller looks at.
        let terminal = is_slow || report.suspended.is_some() || blocker.class == Class::Terminal;
        let same = before
            .waiting_on
            .as_ref()
            .filter(|waiting| waiting.reason == reason);
        WaitingOn {
            reason: reason.to_owned(),
            message: blocker.message.clone(),
            since: same.map_or_else(|| time(now), |waiting| waiting.since.clone()),
            next_action_time: if is_slow {
                before.next_rotation_time.clone()
            } else {
                next.filter(|_| !terminal).map(time)
            },
            // It is not tried again, so that there is nothing to count.
            attempts: same
                .filter(|_| !terminal)
                .map_or(1, |waiting| waiting.attempts.saturating_add(1)),
            documentation: None,
        }
    });
    // Until it is known how far the upgrade is, its plan stays.
    let plan = if report.verdicts.contains_key(&ConditionType::Migrated) {
        report.plan
    } else {
        before.plan.clone()
    };
    PlatformStatus {
        observed_generation: Some(generation),
        version: report.version.or_else(|| before.version.clone()),
        waiting_on,
        conditions,
        roles: roles(report.roles, &report.removed_roles, &before.roles),
        signing_keys: before.signing_keys.clone(),
        next_rotation_time: before.next_rotation_time.clone(),
        credentials: or_before(report.credentials, &before.credentials),
        topics: report.topics.or_else(|| before.topics.clone()),
        plan,
        migration: report.migration.or_else(|| before.migration.clone()),
    }
}

/// What keeps the keys from being ready, by what their controller told last.
fn keys_missing(keys: Option<&Condition>, generation: i64) -> Option<StepError> {
    match keys {
        Some(keys) if keys.observed_generation != Some(generation) || keys.status == "Unknown" => {
            let words = "the signing keys are being looked at";
            Some(StepError::waiting(Reason::Progressing, words))
        }
        Some(keys) if keys.status == "True" => None,
        Some(keys) => {
            let reason = Reason::parse(&keys.reason).unwrap_or(Reason::SigningKeyInvalid);
            Some(StepError::waiting(reason, keys.message.clone()))
        }
        None => Some(StepError::waiting(
            Reason::Progressing,
            "the signing keys are being made",
        )),
    }
}

/// What takes longer than it should with keys that are ready.
fn keys_slow(keys: &Condition) -> Option<StepError> {
    let slow = keys.status == "True" && keys.reason != Reason::Ready.as_str();
    let reason = Reason::parse(&keys.reason).filter(|_| slow)?;
    Some(StepError::waiting(reason, keys.message.clone()))
}

/// A step that was not reached tells nothing: what was known stays.
fn or_before<T: Clone>(found: Vec<T>, before: &[T]) -> Vec<T> {
    if found.is_empty() {
        before.to_vec()
    } else {
        found
    }
}

/// The roles that were looked at, then those that a stopped roll-out did not come to, as they were.
fn roles(found: Vec<RoleStatus>, removed: &[String], before: &[RoleStatus]) -> Vec<RoleStatus> {
    let rest: Vec<_> = before
        .iter()
        .filter(|was| !removed.contains(&was.role))
        .filter(|was| found.iter().all(|now| now.role != was.role))
        .cloned()
        .collect();
    found.into_iter().chain(rest).collect()
}

fn verdict(report: &Report, kind: ConditionType) -> Verdict {
    let of = |holds, reason, message: &str| Verdict {
        holds: Some(holds),
        reason,
        message: message.to_owned(),
    };
    if let Some(verdict) = suspended(report, kind) {
        return verdict;
    }
    match (kind, &report.blocker) {
        (ConditionType::Ready, None) => {
            of(true, Reason::Ready, "every role runs the wanted version")
        }
        (ConditionType::Ready, Some(blocker)) => of(false, blocker.reason, &blocker.message),
        (ConditionType::Reconciling, Some(blocker)) if blocker.class != Class::Terminal => {
            of(true, Reason::Progressing, &blocker.message)
        }
        (ConditionType::Reconciling, _) => of(false, Reason::Ready, "nothing is being done"),
        (ConditionType::Stalled, Some(blocker)) if blocker.class == Class::Terminal => {
            of(true, blocker.reason, &blocker.message)
        }
        (ConditionType::Stalled, _) => of(false, Reason::Ready, "nobody has to act"),
        (kind, blocker) => report
            .verdicts
            .get(&kind)
            .cloned()
            .unwrap_or_else(|| match blocker {
                Some(blocker) => not_reached(&format!("comes after {}", blocker.reason)),
                None => not_reached("not looked at in this pass"),
            }),
    }
}

/// What is told otherwise of a Platform that is paused: it is calm. Nobody is at work and nobody has to act, and what was
/// not looked at is not known.
fn suspended(report: &Report, kind: ConditionType) -> Option<Verdict> {
    let paused = report.suspended.as_ref()?;
    let of = |holds, reason, message: &str| {
        Some(Verdict {
            holds,
            reason,
            message: message.to_owned(),
        })
    };
    match (kind, &report.blocker) {
        (ConditionType::Ready, None) => of(Some(true), paused.reason, &paused.message),
        (ConditionType::Reconciling | ConditionType::Stalled, _) => {
            of(Some(false), paused.reason, &paused.message)
        }
        (ConditionType::Ready, Some(_)) => None,
        (kind, _) if report.verdicts.contains_key(&kind) => None,
        _ => of(
            None,
            paused.reason,
            "not looked at while spec.suspend is set",
        ),
    }
}

/// Not known yet, in these words.
pub(super) fn not_reached(words: &str) -> Verdict {
    Verdict {
        holds: None,
        reason: Reason::NotReached,
        message: words.to_owned(),
    }
}

pub(super) fn condition(
    before: &PlatformStatus,
    kind: ConditionType,
    verdict: Verdict,
    generation: i64,
    now: DateTime<Utc>,
) -> Condition {
    let status = match verdict.holds {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let since = before
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind.as_str() && condition.status == status)
        .map_or_else(
            || time(now),
            |condition| condition.last_transition_time.clone(),
        );
    Condition {
        type_: kind.as_str().to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.as_str().to_owned(),
        message: verdict.message,
        observed_generation: Some(generation),
        last_transition_time: since,
    }
}

/// A time in whole seconds, as the API server keeps it.
pub(super) fn time(at: DateTime<Utc>) -> Time {
    // Every moment chrono can hold within the years of a certificate is one of jiff's too.
    Time(jiff::Timestamp::from_second(at.timestamp()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::told::is_told;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("in range")
    }

    fn find(status: &PlatformStatus, kind: ConditionType) -> &Condition {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == kind.as_str())
            .expect("all are present")
    }

    #[test]
    fn all_conditions_are_there_from_the_first_pass() {
        let mut report = Report::default();
        report.failed(
            ConditionType::SpecValid,
            &StepError::waiting(Reason::SecretNotFound, "create it"),
        );
        let status = after(&PlatformStatus::default(), report, 3, None, noon());
        assert_eq!(status.conditions.len(), ConditionType::ALL.len());
        assert!(
            status
                .conditions
                .iter()
                .all(|condition| condition.observed_generation == Some(3))
        );
        assert_eq!(
            find(&status, ConditionType::DatabaseReady).status,
            "Unknown"
        );
        is_told(
            Reason::NotReached,
            &find(&status, ConditionType::DatabaseReady).reason,
        );
        assert_eq!(find(&status, ConditionType::Ready).status, "False");
        assert_eq!(find(&status, ConditionType::Reconciling).status, "True");
        assert_eq!(status.waiting_on.expect("waits").message, "create it");
    }

    #[test]
    fn it_is_ready_with_its_keys_and_not_on_what_was_told_of_a_former_spec() {
        let keys = |status: &str, generation| {
            let verdict = Verdict {
                holds: Some(status == "True"),
                reason: Reason::SecretForbidden,
                message: "grant it".to_owned(),
            };
            let kind = ConditionType::SigningKeyReady;
            let before = PlatformStatus::default();
            PlatformStatus {
                conditions: vec![condition(&before, kind, verdict, generation, noon())],
                ..before
            }
        };
        let ready = |before: &PlatformStatus| {
            let status = after(before, Report::default(), 2, None, noon());
            let ready = find(&status, ConditionType::Ready);
            (ready.status.clone(), ready.reason.clone())
        };
        let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
        assert_eq!(
            ready(&PlatformStatus::default()),
            pair("False", "Progressing")
        );
        assert_eq!(ready(&keys("True", 1)), pair("False", "Progressing"));
        assert_eq!(ready(&keys("True", 2)), pair("True", "Ready"));
        is_told(Reason::Progressing, &ready(&keys("True", 1)).1);
        is_told(Reason::Ready, &ready(&keys("True", 2)).1);
        assert_eq!(ready(&keys("False", 2)), pair("False", "SecretForbidden"));
        // What the keys' controller told is its own.
        let before = keys("False", 1);
        let status = after(&before, Report::default(), 2, None, noon());
        assert_eq!(
            find(&status, ConditionType::SigningKeyReady),
            &before.conditions[0]
        );
    }

    #[test]
    fn a_server_that_lets_in_too_many_is_told_and_works() {
        let mut report = Report::default();
        let words = "user default needs no password".to_owned();
        for (condition, words) in [
            (ConditionType::RedisReady, Some(&words)),
            (ConditionType::EventsReady, None),
        ] {
            report.done(condition, "it stands");
            report.warn(condition, Reason::InsecureServer, words);
        }
        assert_eq!(report.blocker(), None);
        let status = after(&PlatformStatus::default(), report, 1, None, noon());
        let told = |kind| {
            let condition = find(&status, kind);
            [&condition.status, &condition.reason, &condition.message].map(String::clone)
        };
        let [status, reason, message] = told(ConditionType::RedisReady);
        is_told(Reason::InsecureServer, &reason);
        assert_eq!([status, message], ["True", &words]);
        assert_eq!(
            told(ConditionType::EventsReady),
            ["True", "Ready", "it stands"]
        );
    }

    #[test]
    fn a_rotation_in_trouble_is_seen_at_once_and_it_is_ready() {
        let told = |reason, message: &str| Verdict {
            holds: Some(true),
            reason,
            message: message.to_owned(),
        };
        let kind = ConditionType::SigningKeyReady;
        let nothing = PlatformStatus::default();
        let with = |verdict| PlatformStatus {
            conditions: vec![condition(&nothing, kind, verdict, 1, noon())],
            next_rotation_time: Some(time(noon())),
            ..nothing.clone()
        };
        let overdue = with(told(Reason::RotationOverdue, "should have taken over"));
        let status = after(&overdue, Report::default(), 1, Some(noon()), noon());
        assert_eq!(find(&status, ConditionType::Ready).status, "True");
        assert_eq!(find(&status, ConditionType::Reconciling).status, "False");
        let waiting = status.waiting_on.clone().expect("it is told");
        assert_eq!(waiting.reason, "RotationOverdue");
        assert_eq!(waiting.message, "should have taken over");
        assert_eq!(waiting.next_action_time, Some(time(noon())));
        let later = noon() + TimeDelta::hours(1);
        let idle = after(&status, Report::default(), 1, Some(later), later);
        assert_eq!(idle, status, "it is told once");

        // What keeps it from being Ready comes first.
        let mut report = Report::default();
        report.failed(
            ConditionType::RedisReady,
            &StepError::transient(Reason::BackendUnreachable, "no answer"),
        );
        let status = after(&overdue, report, 1, None, noon());
        assert_eq!(status.waiting_on.expect("told").message, "no answer");
        let fine = with(told(Reason::Ready, "published"));
        assert_eq!(
            after(&fine, Report::default(), 1, None, noon()).waiting_on,
            None
        );
    }

    #[test]
    fn an_idle_pass_gives_the_same_status() {
        let report = || {
            let mut report = Report::default();
            report.done(ConditionType::SpecValid, "usable");
            report
        };
        let keys = Verdict {
            holds: Some(true),
            reason: Reason::Ready,
            message: "published".to_owned(),
        };
        let nothing = PlatformStatus::default();
        let kind = ConditionType::SigningKeyReady;
        let before = PlatformStatus {
            conditions: vec![condition(&nothing, kind, keys, 1, noon())],
            ..nothing
        };
        let first = after(&before, report(), 1, None, noon());
        assert_eq!(find(&first, ConditionType::Ready).status, "True");
        let later = after(&first, report(), 1, None, noon() + TimeDelta::hours(1));
        assert_eq!(first, later);
    }

    #[test]
    fn a_terminal_error_stalls_and_is_told_once() {
        let report = || {
            let mut report = Report::default();
            report.failed(
                ConditionType::Migrated,
                &StepError::terminal(Reason::MigrationFailed, "0003"),
            );
            report
        };
        let first = after(&PlatformStatus::default(), report(), 1, None, noon());
        let second = after(&first, report(), 1, None, noon() + TimeDelta::minutes(1));
        assert_eq!(find(&second, ConditionType::Stalled).status, "True");
        assert_eq!(find(&second, ConditionType::Reconciling).status, "False");
        let waiting = second.waiting_on.clone().expect("waits");
        assert_eq!((waiting.attempts, waiting.since), (1, time(noon())));
        assert_eq!(waiting.next_action_time, None, "nothing is tried");
        assert_eq!(second, first, "an idle look writes nothing");
    }

    #[test]
    fn a_stopped_roll_out_hides_no_role() {
        let role = |name: &str, version: &str| RoleStatus {
            role: name.to_owned(),
            desired: 1,
            ready: 1,
            version: Some(version.to_owned()),
        };
        let before = [role("web", "1"), role("worker", "1"), role("beat", "1")];
        let now = roles(vec![role("web", "2")], &[], &before);
        assert_eq!(
            now,
            [role("web", "2"), role("worker", "1"), role("beat", "1")]
        );
        let now = roles(vec![role("web", "2")], &["beat".to_owned()], &before);
        assert_eq!(now, [role("web", "2"), role("worker", "1")]);
    }

    #[test]
    fn a_paused_platform_is_calm_and_tells_what_it_saw() {
        let paused = |drift: Option<&str>| {
            let mut report = Report {
                suspended: Some(StepError::waiting(Reason::Suspended, "paused")),
                ..Report::default()
            };
            report.done(ConditionType::SpecValid, "usable");
            match drift {
                None => report.done(ConditionType::RolesReady, "as wanted"),
                Some(words) => {
                    let error = StepError::waiting(Reason::Drifted, words);
                    report.failed(ConditionType::RolesReady, &error);
                }
            }
            report
        };
        let told = |status: &PlatformStatus, kind| {
            let condition = find(status, kind);
            (condition.status.clone(), condition.reason.clone())
        };
        let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
        let calm = after(&PlatformStatus::default(), paused(None), 1, None, noon());
        assert_eq!(told(&calm, ConditionType::Ready), pair("True", "Suspended"));
        is_told(Reason::Suspended, &told(&calm, ConditionType::Ready).1);
        for kind in [ConditionType::Reconciling, ConditionType::Stalled] {
            assert_eq!(told(&calm, kind), pair("False", "Suspended"));
        }
        assert_eq!(
            told(&calm, ConditionType::DatabaseReady),
            pair("Unknown", "Suspended")
        );
        let waiting = calm.waiting_on.clone().expect("it waits for a person");
        assert_eq!(
            (waiting.reason.as_str(), waiting.next_action_time),
            ("Suspended", None)
        );
        let later = noon() + TimeDelta::hours(1);
        assert_eq!(
            after(&calm, paused(None), 1, Some(later), later),
            calm,
            "idle"
        );

        let drifted = after(&calm, paused(Some("Service x differs")), 1, None, later);
        assert_eq!(
            told(&drifted, ConditionType::Ready),
            pair("False", "Drifted")
        );
        assert_eq!(
            told(&drifted, ConditionType::Stalled),
            pair("False", "Suspended")
        );
        assert_eq!(drifted.waiting_on.expect("told").reason, "Drifted");
    }

    #[test]
    fn what_is_known_stays_when_a_step_is_not_reached() {
        let before = PlatformStatus {
            version: Some("1".to_owned()),
            ..PlatformStatus::default()
        };
        let mut report = Report::default();
        report.failed(
            ConditionType::SpecValid,
            &StepError::waiting(Reason::SecretNotFound, "create it"),
        );
        assert_eq!(
            after(&before, report, 1, None, noon()).version.as_deref(),
            Some("1")
        );
    }
}
