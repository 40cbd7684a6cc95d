//! Two operators that both think they lead, over one API server in memory and one real server.

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::{Claim, Claims, Keys, KubeStore, Store};
use crate::platform::{
    StepError,
    apply::ledger::{Ledger, Server, Thing},
    validate::sample::sample,
};
use crate::testing::Api;

/// A place at which a pass stops until it is let through.
struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    fn shut() -> Self {
        Self {
            reached: Semaphore::new(0),
            open: Semaphore::new(0),
        }
    }
}

/// A store that stops before it keeps a Secret: what is done on the server is done by then.
struct Gated<'a> {
    store: KubeStore<'a>,
    gate: &'a Gate,
}

#[async_trait]
impl Store for Gated<'_> {
    fn knows(&self, thing: &Thing) -> bool {
        self.store.knows(thing)
    }

    async fn intend(&mut self, things: &[Thing]) -> Result<(), StepError> {
        self.store.intend(things).await
    }

    async fn made(&mut self, server: Server) -> Result<(), StepError> {
        self.store.made(server).await
    }

    async fn claims(&mut self) -> Result<&Claims, StepError> {
        self.store.claims().await
    }

    async fn claim(&mut self, client: &str, slot: &str, claim: Claim) -> Result<Claim, StepError> {
        self.store.claim(client, slot, claim).await
    }

    async fn secret(&mut self, client: &str) -> Result<Option<Keys>, StepError> {
        self.store.secret(client).await
    }

    async fn keep(&mut self, client: &str, keys: Keys) -> Result<(), StepError> {
        self.gate.reached.add_permits(1);
        drop(self.gate.open.acquire().await);
        self.store.keep(client, keys).await
    }
}

/// Runs two passes that overtake each other: the first one stops before it keeps a Secret, the second one comes as far and
/// has done all of it on the server a second time, and then the first one goes on. At least one of them loses.
pub(crate) async fn overtaking(
    api: &Api,
    pass: impl AsyncFn(&mut dyn Store) -> Result<(), StepError>,
) {
    let (cx, p) = (api.context(), sample());
    let (former, latter) = (Gate::shut(), Gate::shut());
    let ours = Ledger::read(&cx, &p).await.unwrap();
    let theirs = Ledger::read(&cx, &p).await.unwrap();
    let mut first = Gated {
        store: KubeStore::new(&cx, &p, &ours),
        gate: &former,
    };
    let mut second = Gated {
        store: KubeStore::new(&cx, &p, &theirs),
        gate: &latter,
    };
    let slow = async {
        let done = pass(&mut first).await;
        latter.open.add_permits(Semaphore::MAX_PERMITS);
        done
    };
    let fast = async {
        drop(former.reached.acquire().await);
        pass(&mut second).await
    };
    let umpire = async {
        drop(latter.reached.acquire().await);
        former.open.add_permits(Semaphore::MAX_PERMITS);
    };
    let (first, second, ()) = tokio::join!(slow, fast, umpire);
    assert!(first.is_ok(), "{first:?}");
    assert!(second.is_err(), "it has overwritten what the other kept");
}

/// The content of a client's Secret.
pub(crate) async fn kept(api: &Api, client: &str) -> Keys {
    let (cx, p) = (api.context(), sample());
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    let mut store = KubeStore::new(&cx, &p, &ledger);
    store.secret(client).await.unwrap().unwrap()
}
