//! What analytics learns from other domains' events.

mod task_event;

use async_trait::async_trait;
use common_clock::SharedClock;
use common_events::{Envelope, Handle, HandleError};
use sqlx::PgPool;

use crate::store::own::Own;

/// Name of the consumer in the inbox and in metrics, and of its group on the broker.
pub(crate) const NAME: &str = "analytics";

/// Keeps the daily counts from `task-events`: each event is counted once, on the day it happened,
/// however often and however late it comes.
pub(crate) struct TaskCounter {
    own: Own,
    clock: SharedClock,
}

impl TaskCounter {
    /// A counter that writes to the own database behind `own`.
    pub(crate) fn new(own: PgPool, clock: SharedClock) -> Self {
        Self {
            own: Own::new(own),
            clock,
        }
    }
}

#[async_trait]
impl Handle for TaskCounter {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        let Some(tally) = task_event::tally(event)? else {
            return Ok(());
        };
        let now = self.clock.now();
        let first = self.own.count(NAME, event.id, tally, now).await?;
        if !first {
            tracing::debug!(event.id = %event.id, "event was counted before");
        }
        Ok(())
    }
}
