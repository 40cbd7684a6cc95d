//! What `/internal/state` tells of logins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use common_service::Service;
use serde_json::json;

type Epoch = Box<dyn Fn() -> u64 + Send>;

/// The epochs of the logins in use, by client, as `credentials` in `/internal/state`.
#[derive(Clone, Default)]
pub struct Epochs(Arc<Mutex<BTreeMap<&'static str, Epoch>>>);

impl Epochs {
    /// No logins yet; they are told by `service` from now on.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        let epochs = Self::default();
        let told = epochs.clone();
        service.state("credentials", move || {
            let all = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            let all: BTreeMap<_, _> = all
                .iter()
                .map(|(client, epoch)| (client, epoch()))
                .collect();
            json!(all)
        });
        epochs
    }

    /// Tells `epoch` for `client`.
    pub fn add(&self, client: &'static str, epoch: impl Fn() -> u64 + Send + 'static) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(client, Box::new(epoch));
    }

    /// Tells `epoch` for `client`, whose login `follow` takes up whenever it changes.
    pub fn follow(
        &self,
        client: &'static str,
        service: &Service,
        epoch: impl Fn() -> u64 + Send + 'static,
        follow: impl Future<Output = ()> + Send + 'static,
    ) {
        self.add(client, epoch);
        service.spawn(client, async move {
            follow.await;
            Ok(())
        });
    }
}
