//! Reaction to events of the domain of tasks.

use api_server_tasks::facade::TaskEvent;
use async_trait::async_trait;
use common_events::{Envelope, Handle, HandleError};
use sqlx::PgPool;

use crate::model::of_task;
use crate::service;

/// Name of the consumer in the inbox and in metrics, and of its group on the broker.
const NAME: &str = "notifications";

/// Files a notification for each task that somebody was given by somebody else, once for each event.
pub struct Notifier {
    pool: PgPool,
}

impl Notifier {
    /// Name of the consumer's group.
    pub const NAME: &str = NAME;

    /// A notifier that writes to the application's database.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Handle for Notifier {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        if !matches!(
            event.event_type.as_str(),
            "task.created.v1" | "task.updated.v1"
        ) {
            return Ok(());
        }
        let task: TaskEvent = event.data_as()?;
        let Some(notification) = of_task(&task) else {
            return Ok(());
        };
        service::file(&self.pool, NAME, event.id, &notification).await?;
        Ok(())
    }
}
