//! The part of the status that the keys' own controller tells: `SigningKeyReady`, `signingKeys`, `nextRotationTime`. Pure.

use chrono::{DateTime, Utc};
use crds::{ConditionType, PlatformStatus, Reason, SigningKeyStatus};

use super::{
    conditions::{condition, not_reached, time},
    report::Verdict,
};
use crate::{keys::KeysApplied, platform::StepError};

/// What a pass over the keys found.
#[derive(Debug)]
pub enum KeysReport {
    /// They stand, with or without something that takes too long.
    Applied(KeysApplied),
    /// They do not.
    Failed(StepError),
    /// They are left alone, because `spec.suspend` is set, but for those that are to be denied.
    Suspended(Option<KeysApplied>),
}

impl KeysReport {
    /// Why they do not stand.
    #[must_use]
    pub fn error(&self) -> Option<&StepError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Applied(_) | Self::Suspended(_) => None,
        }
    }
}

/// The status after a pass over the keys of generation `generation`. What did not change keeps its times.
pub(super) fn after(
    before: &PlatformStatus,
    report: &KeysReport,
    generation: i64,
    now: DateTime<Utc>,
) -> PlatformStatus {
    let mut status = before.clone();
    status.conditions = ConditionType::ALL
        .into_iter()
        .map(|kind| {
            let found = before
                .conditions
                .iter()
                .find(|found| found.type_ == kind.as_str());
            match found {
                _ if kind == ConditionType::SigningKeyReady => {
                    condition(before, kind, verdict(report), generation, now)
                }
                Some(found) => found.clone(),
                // All are there from the first time on, whoever comes first.
                None => condition(
                    before,
                    kind,
                    not_reached("not looked at yet"),
                    generation,
                    now,
                ),
            }
        })
        .collect();
    if let KeysReport::Applied(keys) | KeysReport::Suspended(Some(keys)) = report {
        status.signing_keys = keys
            .keys
            .iter()
            .map(|key| counted(key, &before.signing_keys))
            .collect();
        status.next_rotation_time = keys.rotation.map(time);
    }
    status
}

/// A key with the last count of who has followed it: a pass that asked nobody tells nothing new.
fn counted(key: &SigningKeyStatus, before: &[SigningKeyStatus]) -> SigningKeyStatus {
    let mut was = before.iter();
    let was = was.find(|was| was.kid == key.kid && was.phase == key.phase);
    let last = || was.and_then(|was| was.acknowledged.clone());
    SigningKeyStatus {
        acknowledged: key.acknowledged.clone().or_else(last),
        ..key.clone()
    }
}

fn verdict(report: &KeysReport) -> Verdict {
    let of = |holds, reason, message: String| Verdict {
        holds,
        reason,
        message,
    };
    match report {
        KeysReport::Applied(keys) => {
            let words = format!("generation {} of the key set is published", keys.epoch);
            let (reason, words) = keys
                .trouble
                .as_ref()
                .map_or((Reason::Ready, words), |trouble| {
                    (trouble.reason, trouble.message.clone())
                });
            of(Some(true), reason, words)
        }
        KeysReport::Failed(error) => of(Some(false), error.reason, error.message.clone()),
        KeysReport::Suspended(None) => {
            let words = "not looked at while spec.suspend is set";
            of(None, Reason::Suspended, words.to_owned())
        }
        KeysReport::Suspended(Some(keys)) => {
            let words = "keys of spec.signing.revoke are denied; nothing else is done while spec.suspend is set";
            let words = keys.trouble.as_ref().map_or(words, |told| &told.message);
            of(None, Reason::Suspended, words.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_keys_tell_their_own_part_and_leave_the_rest() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let failed =
            |words: &str| KeysReport::Failed(StepError::transient(Reason::ApiUnavailable, words));
        let first = after(&PlatformStatus::default(), &failed("away"), 2, now);
        assert_eq!(first.conditions.len(), ConditionType::ALL.len());
        let of = |status: &PlatformStatus, kind: ConditionType| {
            let found = status
                .conditions
                .iter()
                .find(|found| found.type_ == kind.as_str());
            found.cloned().expect("all are there")
        };
        let told = of(&first, ConditionType::SigningKeyReady);
        assert_eq!(
            (told.status.as_str(), told.message.as_str()),
            ("False", "away")
        );
        assert_eq!(told.observed_generation, Some(2));
        assert_eq!(of(&first, ConditionType::Ready).status, "Unknown");

        let later = now + TimeDelta::hours(1);
        assert_eq!(after(&first, &failed("away"), 2, later), first, "idle");
        let second = after(&first, &failed("still away"), 3, later);
        let told = of(&second, ConditionType::SigningKeyReady);
        assert_eq!(
            (told.last_transition_time, told.observed_generation),
            (time(now), Some(3))
        );
        assert_eq!(
            of(&second, ConditionType::Ready),
            of(&first, ConditionType::Ready),
            "not its to tell"
        );
    }

    #[test]
    fn the_last_count_of_who_has_followed_stays_until_there_is_another() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let pass = |before: &PlatformStatus, phase: &str, acknowledged: Option<&str>| {
            let key = SigningKeyStatus {
                kid: "k".to_owned(),
                phase: phase.to_owned(),
                published_at: None,
                activated_at: None,
                quiet_at: None,
                acknowledged: acknowledged.map(str::to_owned),
                reason: None,
            };
            let report = KeysReport::Applied(KeysApplied {
                epoch: 1,
                keys: vec![key],
                rotation: None,
                look: None,
                stuck: 0,
                trouble: None,
            });
            after(before, &report, 1, now)
        };
        let count = |status: &PlatformStatus| status.signing_keys[0].acknowledged.clone();
        let first = pass(&PlatformStatus::default(), "Published", Some("3/4"));
        let idle = pass(&first, "Published", None);
        assert_eq!(idle, first, "an idle pass writes nothing");
        assert_eq!(
            count(&pass(&idle, "Published", Some("4/4"))).as_deref(),
            Some("4/4")
        );
        assert_eq!(count(&pass(&idle, "Active", None)), None, "of another step");
    }
}
