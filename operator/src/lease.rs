//! One leader among the operator's pods, by Lease.

use std::time::Duration;

use chrono::{DateTime, Utc};
use common_clock::SharedClock;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{backoff::doubled, platform::Context};

/// Name of the Lease.
const NAME: &str = "crewdeck-operator";
/// Seconds after which a leader that does not renew is replaced.
const DURATION: u64 = 15;
/// Seconds before that at which it renews.
const GRACE: u64 = 5;
/// Pause between two looks at the Lease; well below [`GRACE`], so that a renewal is seen before it is missed.
const LOOK: Duration = Duration::from_secs(2);

/// Longest pause between two tries to reach the API server for it.
const UNREACHED: Duration = Duration::from_secs(5);
/// How long one of them may take.
const TRY: Duration = Duration::from_secs(10);

/// The leadership of this process, until it is lost or given back.
pub(crate) struct Leadership {
    api: Api<Lease>,
    identity: String,
    clock: SharedClock,
    held: watch::Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, kube_lease_manager::LeaseManagerError>>,
}

/// Waits until this process leads, for as long as that takes; `None` when `stop` comes first.
pub(crate) async fn lead(cx: &Context, stop: &CancellationToken) -> Option<Leadership> {
    // A name for each time: what is left of a leadership that was lost must not touch the next one.
    let identity = format!("crewdeck-operator-{}", cx.ids.uuid());
    let mut failures = 0;
    loop {
        let tried = tokio::select! {
            () = stop.cancelled() => return None,
            tried = timeout(TRY, manager(cx, &identity)) => tried,
        };
        let error = match tried {
            Ok(Ok(manager)) => match hold(cx, manager, &identity, stop).await {
                Ok(leads) => return leads,
                Err(_) => "it cannot be held any more".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", TRY.as_secs()),
        };
        failures += 1;
        tracing::warn!(
            error,
            "the Lease {}/{NAME} cannot be used",
            cx.config.lease_namespace
        );
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(doubled(UNREACHED, failures, cx.ids.as_ref())) => {}
        }
    }
}

async fn manager(
    cx: &Context,
    identity: &str,
) -> Result<LeaseManager, kube_lease_manager::LeaseManagerError> {
    LeaseManagerBuilder::new(cx.client.clone(), NAME)
        .with_namespace(&cx.config.lease_namespace)
        .with_identity(identity)
        .with_field_manager(identity)
        .with_duration(DURATION)
        .with_grace(GRACE)
        .build()
        .await
}

/// Waits until the Lease is held; `None` when `stop` comes first, an error when nobody tries any more.
async fn hold(
    cx: &Context,
    manager: LeaseManager,
    identity: &str,
    stop: &CancellationToken,
) -> Result<Option<Leadership>, watch::error::RecvError> {
    let (mut held, task) = manager.watch().await;
    let leads = tokio::select! {
        () = stop.cancelled() => Ok(false),
        changed = held.wait_for(|held| *held) => changed.map(|_| true),
    };
    let leadership = Leadership {
        api: Api::namespaced(cx.client.clone(), &cx.config.lease_namespace),
        identity: identity.to_owned(),
        clock: cx.clock.clone(),
        held,
        task,
    };
    match leads {
        Ok(true) => {
            tracing::info!(identity, "this process leads");
            Ok(Some(leadership))
        }
        Ok(false) => {
            leadership.give_back().await;
            Ok(None)
        }
        Err(error) => {
            leadership.forget();
            Err(error)
        }
    }
}

impl Leadership {
    /// Ends when the leadership is lost: whatever is under way must stop at once.
    pub(crate) async fn lost(&mut self) {
        let expired = expired(&self.api, &self.identity, &self.clock);
        tokio::select! {
            // An error means that nobody renews any longer, which is the same.
            _ = self.held.wait_for(|held| !*held) => {}
            () = expired => {}
        }
    }

    /// Lets go of what was lost: the Lease may be another's by now.
    pub(crate) fn forget(self) {
        self.task.abort();
    }

    /// Lets the next process lead at once.
    pub(crate) async fn give_back(self) {
        drop(self.held);
        if let Ok(Ok(manager)) = self.task.await
            && let Err(error) = manager.release().await
        {
            tracing::warn!(%error, "the Lease could not be given back; it runs out by itself");
        }
    }
}

/// Ends when the Lease has run out: while the API server is away nobody tells that another process leads.
async fn expired(api: &Api<Lease>, identity: &str, clock: &SharedClock) {
    let mut left = Duration::from_secs(DURATION);
    loop {
        let look = async {
            loop {
                tokio::time::sleep(LOOK).await;
                match api.get(NAME).await {
                    Ok(lease) => return rest(&lease, identity, clock.now()),
                    Err(error) => tracing::warn!(%error, "the Lease cannot be read"),
                }
            }
        };
        match tokio::time::timeout(left, look).await {
            Ok(Some(rest)) => left = rest,
            Ok(None) | Err(_) => return,
        }
    }
}

/// For how long `identity` still leads by what the Lease says; `None` when it does not.
fn rest(lease: &Lease, identity: &str, now: DateTime<Utc>) -> Option<Duration> {
    let spec = lease.spec.as_ref()?;
    if spec.holder_identity.as_deref() != Some(identity) {
        return None;
    }
    let renewed = spec.renew_time.as_ref()?.0.as_millisecond();
    let until = renewed + i64::try_from(DURATION).ok()? * 1_000;
    let rest = u64::try_from(until - now.timestamp_millis()).ok()?;
    Some(Duration::from_millis(rest)).filter(|rest| !rest.is_zero())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::just_renewed("us", 0, Some(15))]
    #[case::late("us", 14, Some(1))]
    #[case::run_out("us", 15, None)]
    #[case::long_ago("us", 600, None)]
    #[case::another_leads("them", 0, None)]
    fn a_lease_runs_out(#[case] holder: &str, #[case] age: i64, #[case] expected: Option<u64>) {
        let renewed = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let lease: Lease = serde_json::from_value(json!({
            "spec": {"holderIdentity": holder, "renewTime": "2027-01-15T08:00:00.000000Z"},
        }))
        .expect("a Lease");
        let rest = rest(&lease, "us", renewed + chrono::TimeDelta::seconds(age));
        assert_eq!(rest, expected.map(Duration::from_secs));
    }
}
