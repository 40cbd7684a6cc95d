//! `/internal/state`: what this process really uses now (key epoch, credential epochs, depth of queues).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

type Read = Arc<dyn Fn() -> Value + Send + Sync>;

/// Functions that read a value, by key.
#[derive(Clone, Default)]
pub(crate) struct State(Arc<Mutex<BTreeMap<&'static str, Read>>>);

impl State {
    pub(crate) fn register(&self, key: &'static str, read: Read) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, read);
    }

    /// One JSON object of all values, read now.
    pub(crate) fn read(&self) -> Map<String, Value> {
        let readers: Vec<_> = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(key, read)| (*key, Arc::clone(read)))
            .collect();
        readers
            .into_iter()
            .map(|(key, read)| (key.to_owned(), read()))
            .collect()
    }
}
