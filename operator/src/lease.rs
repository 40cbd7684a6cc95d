//! One leader among the operator's pods, by Lease.

use anyhow::Context as _;
use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Name of the Lease.
const NAME: &str = "crewdeck-operator";
/// Seconds after which a leader that does not renew is replaced.
const DURATION: u64 = 15;
/// Seconds before that at which it renews.
const GRACE: u64 = 5;

/// The leadership of this process, until it is lost or given back.
pub(crate) struct Leadership {
    held: watch::Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, kube_lease_manager::LeaseManagerError>>,
}

/// Waits until this process leads; `None` when `stop` comes first.
pub(crate) async fn lead(
    client: Client,
    namespace: &str,
    identity: &str,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Leadership>> {
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
    let leadership = Leadership { held, task };
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
        // An error means that nobody renews any longer, which is the same.
        let _ = self.held.wait_for(|held| !*held).await;
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
