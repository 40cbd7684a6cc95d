//! What the operator measures, of each Platform and of itself.

mod gauges;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub(crate) use self::gauges::Gauges;
use crate::{
    acts::Act,
    credentials::Settled,
    keys::KeysApplied,
    platform::{
        Class, StepError,
        validate::{Identity, ValidatedPlatform},
    },
};

/// Generation of the key set.
const KEYS_EPOCH: &str = "operator_signing_keys_epoch";
/// When the next signing key takes over, in seconds since 1970; below the time of now it is late.
const KEYS_NEXT: &str = "operator_signing_keys_next_rotation_timestamp_seconds";
/// Pods that hold a rotation of the keys back.
const KEYS_STUCK: &str = "operator_signing_keys_pods_behind";
/// When a client's login was made, in seconds since 1970.
const LOGIN_ISSUED: &str = "operator_credential_issued_timestamp_seconds";
/// Whether a client's former login is still open.
const LOGIN_DRAINING: &str = "operator_credential_draining";

/// Acts that change something outside the process, whatever came of them: by `system` (`kubernetes`, `postgres`, `redis`,
/// `kafka`) and `act` (`creating`, `patching` and so on).
const ACTS: &str = "operator_acts_total";

/// Passes, by `controller` (`platform`, `keys`) and `outcome`: `done`, `waiting` for something that takes its time,
/// `transient` or `terminal` after an error, or `untold` when the status could not be written.
const RECONCILES: &str = "operator_reconciles_total";
/// How long a pass takes, its status included, by `controller`.
const RECONCILE_DURATION: &str = "operator_reconcile_duration_seconds";
/// Age of the oldest change of a Platform of which no pass has told an outcome yet; 0 when there is none.
const OLDEST_CHANGE: &str = "operator_oldest_unreconciled_generation_seconds";
/// Whether this process leads. Exactly one of the operator's pods does.
const LEADS: &str = "operator_leads";

/// Requests to the API server, whatever came of them: by `act`, which is `reading` for all that change nothing.
const REQUESTS: &str = "operator_api_requests_total";

/// Secrets that are watched.
const SECRET_WATCHES: &str = "operator_secret_watches";
/// Secrets that are not, because there are too many.
const SECRET_WATCHES_LEFT_OUT: &str = "operator_secret_watches_left_out";

/// Who makes a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Controller {
    /// Of everything but the keys.
    Platform,
    /// Of the signing keys.
    Keys,
}

/// Counts an act.
pub(crate) fn act(act: &Act) {
    ::metrics::counter!(ACTS, "system" => act.system.as_str(), "act" => act.verb).increment(1);
}

/// Tells whether this process leads.
pub(crate) fn leads(leads: bool) {
    ::metrics::gauge!(LEADS).set(f64::from(u8::from(leads)));
}

/// Counts a pass that told `told`, and waits for `blocker`, if for anything.
pub(crate) fn reconciled<T>(
    controller: Controller,
    told: &Result<T, StepError>,
    blocker: Option<&StepError>,
    took: Duration,
) {
    let controller = match controller {
        Controller::Platform => "platform",
        Controller::Keys => "keys",
    };
    let outcome = match (told, blocker.map(|blocker| blocker.class)) {
        (Err(_), _) => "untold",
        (Ok(_), None) => "done",
        (Ok(_), Some(Class::Waiting | Class::Told)) => "waiting",
        (Ok(_), Some(Class::Transient)) => "transient",
        (Ok(_), Some(Class::Terminal)) => "terminal",
    };
    ::metrics::counter!(RECONCILES, "controller" => controller, "outcome" => outcome).increment(1);
    ::metrics::histogram!(RECONCILE_DURATION, "controller" => controller)
        .record(took.as_secs_f64());
}

/// Tells for how long the oldest change has waited for a pass.
pub(crate) fn oldest_change(gauges: &Gauges, age: Duration) {
    gauges.tell(OLDEST_CHANGE, number(age.as_secs()));
}

/// Counts a request to the API server.
pub(crate) fn request(act: &'static str) {
    ::metrics::counter!(REQUESTS, "act" => act).increment(1);
}

/// Tells how many Secrets are watched.
pub(crate) fn secret_watches(gauges: &Gauges, watched: usize, left_out: usize) {
    gauges.tell(SECRET_WATCHES, number(watched as u64));
    gauges.tell(SECRET_WATCHES_LEFT_OUT, number(left_out as u64));
}

/// Tells how the signing keys stand.
pub(crate) fn keys(gauges: &Gauges, p: &Identity, keys: &KeysApplied) {
    let of = gauges.of(&p.namespace, &p.name);
    of.tell(KEYS_EPOCH, None, number(keys.epoch));
    of.tell(KEYS_STUCK, None, number(keys.stuck as u64));
    if let Some(at) = keys.rotation {
        of.tell(KEYS_NEXT, None, seconds(at));
    }
}

/// Tells how a client's login stands.
pub(crate) fn login(gauges: &Gauges, p: &ValidatedPlatform, client: &'static str, login: &Settled) {
    let of = gauges.of(&p.namespace, &p.name);
    of.tell(LOGIN_ISSUED, Some(client), seconds(login.issue.at));
    let draining = u8::from(login.draining.is_some());
    of.tell(LOGIN_DRAINING, Some(client), f64::from(draining));
}

fn seconds(at: DateTime<Utc>) -> f64 {
    number(u64::try_from(at.timestamp()).unwrap_or_default())
}

/// A gauge holds whole numbers up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use crds::Reason;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn passes_are_counted_by_what_came_of_them() {
        let recorder = PrometheusBuilder::new().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            let took = Duration::from_millis(250);
            let waits = StepError::waiting(Reason::TopicsPending, "soon");
            let away = StepError::transient(Reason::ApiUnavailable, "away");
            let wrong = StepError::terminal(Reason::InvalidSpec, "mend it");
            for blocker in [None, Some(&waits), Some(&away), Some(&wrong), None] {
                reconciled(Controller::Platform, &Ok(()), blocker, took);
            }
            reconciled::<()>(Controller::Keys, &Err(away.clone()), Some(&waits), took);
        });
        let page = recorder.handle().render();
        for line in [
            "operator_reconciles_total{controller=\"platform\",outcome=\"done\"} 2",
            "operator_reconciles_total{controller=\"platform\",outcome=\"waiting\"} 1",
            "operator_reconciles_total{controller=\"platform\",outcome=\"transient\"} 1",
            "operator_reconciles_total{controller=\"platform\",outcome=\"terminal\"} 1",
            "operator_reconciles_total{controller=\"keys\",outcome=\"untold\"} 1",
            "operator_reconcile_duration_seconds_count{controller=\"platform\"} 5",
            "operator_reconcile_duration_seconds_sum{controller=\"keys\"} 0.25",
        ] {
            assert!(page.lines().any(|told| told == line), "{line}\n{page}");
        }
    }
}
