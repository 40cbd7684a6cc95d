//! One leader among the operator's pods, by Lease.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use common_clock::SharedClock;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Name of the Lease.
const NAME: &str = "crewdeck-operator";
/// Seconds after which a leader that does not renew is replaced.
const DURATION: u64 = 15;
/// Seconds before that at which it renews.
const GRACE: u64 = 5;
/// Pause between two looks at the Lease; well below [`GRACE`], so that a renewal is seen before it is missed.
const LOOK: Duration = Duration::from_secs(2);

/// The leadership of this process, until it is lost or given back.
pub(crate) struct Leadership {
    api: Api<Lease>,
    identity: String,
    clock: SharedClock,
    held: watch::Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, kube_lease_manager::LeaseManagerError>>,
}

/// Waits until this process leads; `None` when `stop` comes first.
pub(crate) async fn lead(
    client: Client,
    namespace: &str,
    identity: &str,
    clock: SharedClock,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Leadership>> {
    let api = Api::namespaced(client.clone(), namespace);
    let manager = LeaseManagerBuilder::new(client, NAME)
        .with_namespace(namespace)
        .with_identity(identity)
        .with_field_manager(identity)
        .with_duration(DURATION)
        .with_grace(GRACE)
        .build()
        .await
        .with_context(|| format!("cannot use Lease {namespace}/{NAME}"))?;
    let (mut held, task) = manager.watch().await;
    let leads = tokio::select! {
        () = stop.cancelled() => false,
        changed = held.wait_for(|held| *held) => {
            changed.with_context(|| format!("Lease {namespace}/{NAME} cannot be held"))?;
            true
        }
    };
    let leadership = Leadership {
        api,
        identity: identity.to_owned(),
        clock,
        held,
        task,
    };
    if leads {
        tracing::info!(identity, "this process leads");
        return Ok(Some(leadership));
    }
    leadership.give_back().await;
    Ok(None)
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
