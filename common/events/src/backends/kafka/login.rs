//! A login that changes while the process runs. The library cannot change it within a connection, so each change makes
//! new clients; the old ones end when what they have begun is done.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use common_kafka::KafkaConfig;
use rdkafka::ClientConfig;
use tokio::sync::watch;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The settings of clients with one login.
#[derive(Clone)]
pub(super) struct Generation {
    /// The number beside the login.
    pub(super) epoch: u64,
    /// Where the cluster is, and the login.
    pub(super) base: ClientConfig,
}

/// The login as it is now, and the generations that clients really use.
pub(super) struct Login {
    config: KafkaConfig,
    now: watch::Sender<Generation>,
    clients: Mutex<Vec<Weak<AtomicU64>>>,
}

impl Login {
    /// The login of `config`, whose settings are `base` now.
    pub(super) fn new(config: KafkaConfig, base: ClientConfig) -> Self {
        let epoch = config.epoch();
        let now = watch::Sender::new(Generation { epoch, base });
        let clients = Mutex::default();
        Self {
            config,
            now,
            clients,
        }
    }

    /// The login as it is now.
    pub(super) fn current(&self) -> Generation {
        self.now.borrow().clone()
    }

    /// Wakes whoever has clients to make anew.
    pub(super) fn changes(&self) -> watch::Receiver<Generation> {
        self.now.subscribe()
    }

    /// A client's own count of the generation that it uses, for as long as it is kept.
    pub(super) fn used_by_client(&self, epoch: u64) -> Arc<AtomicU64> {
        let used = Arc::new(AtomicU64::new(epoch));
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&used));
        used
    }

    /// The oldest generation that a client still uses.
    pub(super) fn epoch(&self) -> u64 {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = clients.iter().filter_map(Weak::upgrade);
        alive
            .map(|used| used.load(Ordering::Relaxed))
            .min()
            .unwrap_or_else(|| self.now.borrow().epoch)
    }

    /// Returns once the login has changed. One that cannot be used is logged and changes nothing.
    pub(super) async fn changed(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            // Before the login: what is told is never ahead of what is used.
            let epoch = self.config.epoch();
            if epoch == self.now.borrow().epoch {
                continue;
            }
            match self.config.client_config() {
                Ok(base) => {
                    self.now.send_replace(Generation { epoch, base });
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the new Kafka login is not usable, the old one stays");
                }
            }
        }
    }

    /// The same cluster and login as a new generation, as a change of the files would make it.
    #[cfg(test)]
    pub(super) fn turn(&self) {
        self.now.send_modify(|generation| generation.epoch += 1);
    }
}
