//! The producer that all publishing goes through; a new one with each login.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rdkafka::producer::FutureProducer;

use super::{
    client::{self, Context},
    login::Login,
};
use crate::error::EventError;

/// The producer of one process.
pub(super) struct Producer {
    current: Mutex<FutureProducer<Context>>,
    /// The generation of its login.
    epoch: Arc<AtomicU64>,
}

impl Producer {
    /// A producer with the login as it is now.
    pub(super) fn new(login: &Login) -> Result<Self, EventError> {
        let now = login.current();
        Ok(Self {
            current: Mutex::new(client::producer(&now.base)?),
            epoch: login.used_by_client(now.epoch),
        })
    }

    /// The producer to send with. What was begun with another one is confirmed there.
    pub(super) fn current(&self) -> FutureProducer<Context> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Takes the login as it is now.
    pub(super) fn renew(&self, login: &Login) {
        let now = login.current();
        match client::producer(&now.base) {
            Ok(fresh) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                self.epoch.store(now.epoch, Ordering::Relaxed);
                tracing::info!(
                    credentials.epoch = now.epoch,
                    "the producer's login was replaced"
                );
            }
            Err(error) => {
                tracing::warn!(%error, "the new Kafka login is not usable, the old one stays");
            }
        }
    }
}
