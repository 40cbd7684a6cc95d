//! What the operator measures, of each Platform and of itself.

use chrono::{DateTime, Utc};

use crate::{
    acts::Act,
    credentials::Settled,
    keys::KeysApplied,
    platform::validate::{Identity, ValidatedPlatform},
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

/// Requests to the API server, whatever came of them: by `act`, which is `reading` for all that change nothing.
const REQUESTS: &str = "operator_api_requests_total";

/// Secrets that are watched.
const SECRET_WATCHES: &str = "operator_secret_watches";
/// Secrets that are not, because there are too many.
const SECRET_WATCHES_LEFT_OUT: &str = "operator_secret_watches_left_out";

/// Counts an act.
pub(crate) fn act(act: &Act) {
    ::metrics::counter!(ACTS, "system" => act.system.as_str(), "act" => act.verb).increment(1);
}

/// Counts a request to the API server.
pub(crate) fn request(act: &'static str) {
    ::metrics::counter!(REQUESTS, "act" => act).increment(1);
}

/// Tells how many Secrets are watched.
pub(crate) fn secret_watches(watched: usize, left_out: usize) {
    ::metrics::gauge!(SECRET_WATCHES).set(number(watched as u64));
    ::metrics::gauge!(SECRET_WATCHES_LEFT_OUT).set(number(left_out as u64));
}

/// Tells how the signing keys stand.
pub(crate) fn keys(p: &Identity, keys: &KeysApplied) {
    let (namespace, platform) = (p.namespace.clone(), p.name.clone());
    let labels = [("namespace", namespace), ("platform", platform)];
    ::metrics::gauge!(KEYS_EPOCH, &labels).set(number(keys.epoch));
    ::metrics::gauge!(KEYS_STUCK, &labels).set(number(keys.stuck as u64));
    if let Some(at) = keys.rotation {
        ::metrics::gauge!(KEYS_NEXT, &labels).set(seconds(at));
    }
}

/// Tells how a client's login stands.
pub(crate) fn login(p: &ValidatedPlatform, client: &'static str, login: &Settled) {
    let labels = [
        ("namespace", p.namespace.clone()),
        ("platform", p.name.clone()),
        ("client", client.to_owned()),
    ];
    ::metrics::gauge!(LOGIN_ISSUED, &labels).set(seconds(login.issue.at));
    let draining = u8::from(login.draining.is_some());
    ::metrics::gauge!(LOGIN_DRAINING, &labels).set(f64::from(draining));
}

fn seconds(at: DateTime<Utc>) -> f64 {
    number(u64::try_from(at.timestamp()).unwrap_or_default())
}

/// A gauge holds whole numbers up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn number(value: u64) -> f64 {
    value as f64
}
