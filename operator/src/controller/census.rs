//! A look at all Platforms every few seconds: whose figures are to be forgotten, and how long the oldest change has waited
//! for a pass.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use crds::Platform;
use kube::{ResourceExt as _, runtime::reflector::Store};
use tokio_util::sync::CancellationToken;

use super::Guarded;
use crate::{metrics, platform::Context};

/// Between two looks: as often as Prometheus reads, or more often.
const PAUSE: Duration = Duration::from_secs(15);

/// Looks until `stop`.
pub(super) async fn run(cx: Context, platforms: Store<Guarded>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(PAUSE);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => look(&cx, &platforms.state()),
        }
    }
}

fn look(cx: &Context, all: &[Arc<Guarded>]) {
    let key = |platform: &Arc<Guarded>| {
        (
            platform.namespace().unwrap_or_default(),
            platform.name_any(),
        )
    };
    let there: HashSet<(String, String)> = all.iter().map(key).collect();
    cx.gauges.keep(|platform| there.contains(platform));
    // One that cannot be read is told so in its status.
    let readable = all.iter().filter_map(|platform| platform.0.as_ref().ok());
    metrics::oldest_change(&cx.gauges, oldest_change(readable, cx.clock.now()));
}

/// For how long the oldest generation has waited that no pass has told an outcome of. Pure.
fn oldest_change<'a>(
    platforms: impl Iterator<Item = &'a Platform>,
    now: DateTime<Utc>,
) -> Duration {
    let waiting = platforms.filter(|platform| {
        let status = platform.status.as_ref();
        let seen = status.and_then(|status| status.observed_generation);
        seen < platform.metadata.generation
    });
    let age = |platform: &Platform| u64::try_from(now.timestamp() - changed_at(platform)?).ok();
    Duration::from_secs(waiting.filter_map(age).max().unwrap_or_default())
}

/// When somebody changed the resource last, its status aside, in seconds since 1970.
fn changed_at(platform: &Platform) -> Option<i64> {
    let metadata = &platform.metadata;
    let managed = metadata.managed_fields.iter().flatten();
    let changes =
        managed.filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty());
    changes
        .filter_map(|entry| entry.time.as_ref())
        .chain(&metadata.creation_timestamp)
        .map(|time| time.0.as_second())
        .max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::validate::sample::platform;

    #[test]
    fn a_change_waits_until_a_pass_has_told_of_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let changed = |seconds: i64, generation: i64, seen: Option<i64>| {
            let at = now - chrono::TimeDelta::seconds(seconds);
            let mut platform = platform();
            platform.metadata.generation = Some(generation);
            platform.metadata.creation_timestamp =
                Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time"));
            let entries = json!([
                {"manager": "helm", "operation": "Apply", "time": at.to_rfc3339()},
                // A status that is written all the time is no change.
                {"manager": "crewdeck-operator", "subresource": "status", "time": now.to_rfc3339()},
            ]);
            platform.metadata.managed_fields =
                Some(serde_json::from_value(entries).expect("entries"));
            let status = json!({"observedGeneration": seen});
            platform.status = Some(serde_json::from_value(status).expect("a status"));
            platform
        };
        let oldest = |all: &[Platform]| oldest_change(all.iter(), now).as_secs();
        assert_eq!(oldest(&[]), 0);
        assert_eq!(oldest(&[changed(900, 2, Some(2))]), 0);
        let waiting = [
            changed(900, 2, Some(2)),
            changed(70, 3, Some(2)),
            changed(40, 1, None),
        ];
        assert_eq!(oldest(&waiting), 70);
        // The API server's clock may be ahead.
        assert_eq!(oldest(&[changed(-5, 2, Some(1))]), 0);
    }
}
