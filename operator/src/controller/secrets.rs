//! Watches of single Secrets by name. The operator may not list or watch Secrets in general: a Role of each namespace
//! names the few that it may, and Kubernetes lets a watch pass only when it asks for one of these names. By metadata
//! alone, so that no value passes through a watch.
//!
//! A watch that is refused, or that is one too many, costs nothing but time: every pass reads all of it, and comes each
//! minute.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use common_clock::SharedIds;
use futures::{
    Stream, StreamExt as _,
    stream::{self, AbortHandle, BoxStream, SelectAll, abortable},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    core::PartialObjectMeta,
    runtime::{
        controller::{ReconcileReason, ReconcileRequest},
        reflector::{ObjectRef, Store},
        watcher::{self, Event, watcher},
    },
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Guarded, Requests,
    named::{SecretName, Watched, watched},
};
use crate::{
    OperatorConfig,
    backoff::doubled,
    metrics::{self, Gauges},
    platform::Context,
};

/// From a change of some Platform to a look at which Secrets all of them name: many come at once, at the start.
const GATHER: Duration = Duration::from_secs(1);
/// Longest pause of a watch that the API server does not answer.
const UNANSWERED: Duration = Duration::from_secs(10);
/// Longest pause of a watch that is forbidden: the grant may come at any moment, or never.
const FORBIDDEN: Duration = Duration::from_mins(2);

/// The Platforms whose Secrets changed; `changed` tells that some Platform did.
pub(super) fn requests(cx: &Context, platforms: Store<Guarded>, changed: Arc<Notify>) -> Requests {
    let watches = Watches {
        client: cx.client.clone(),
        ids: cx.ids.clone(),
        config: cx.config.clone(),
        gauges: cx.gauges.clone(),
        platforms,
        changed,
        look_at: None,
        watched: Watched::new(),
        running: BTreeMap::new(),
        news: SelectAll::new(),
    };
    stream::unfold(watches, |mut watches| async move {
        let requests = watches.next().await;
        Some((stream::iter(requests), watches))
    })
    .flatten()
    .map(Ok)
    .boxed()
}

struct Watches {
    client: Client,
    ids: SharedIds,
    config: Arc<OperatorConfig>,
    gauges: Arc<Gauges>,
    platforms: Store<Guarded>,
    changed: Arc<Notify>,
    look_at: Option<Instant>,
    watched: Watched,
    running: BTreeMap<SecretName, AbortHandle>,
    news: SelectAll<BoxStream<'static, SecretName>>,
}

impl Watches {
    /// Waits for a change of a Secret, and starts and ends watches meanwhile.
    async fn next(&mut self) -> Vec<ReconcileRequest<Guarded>> {
        loop {
            let look_at = self.look_at;
            tokio::select! {
                () = self.changed.notified(), if look_at.is_none() => {
                    self.look_at = Some(Instant::now() + GATHER);
                }
                () = sleep_until(look_at.unwrap_or_else(Instant::now)), if look_at.is_some() => {
                    self.look_at = None;
                    self.renew();
                }
                Some(secret) = self.news.next() => return self.naming(&secret),
            }
        }
    }

    /// Ends the watches that nobody needs any more and starts those that are missing.
    fn renew(&mut self) {
        let platforms = self.platforms.state();
        let readable = platforms
            .iter()
            .filter_map(|platform| platform.0.as_ref().ok());
        let (watched, left_out) = watched(readable, self.config.secret_watches);
        self.running.retain(|secret, running| {
            let stays = watched.contains_key(secret);
            if !stays {
                running.abort();
            }
            stays
        });
        for secret in watched.keys() {
            if self.running.contains_key(secret) {
                continue;
            }
            let changes = changes(self.client.clone(), secret.clone(), self.ids.clone());
            let (changes, running) = abortable(changes);
            self.running.insert(secret.clone(), running);
            self.news.push(changes.boxed());
        }
        metrics::secret_watches(&self.gauges, watched.len(), left_out);
        self.watched = watched;
    }

    fn naming(&self, secret: &SecretName) -> Vec<ReconcileRequest<Guarded>> {
        let platforms = self.watched.get(secret).into_iter().flatten();
        platforms
            .map(|platform| {
                let changed = ObjectRef::<Secret>::new(&secret.name).within(&secret.namespace);
                ReconcileRequest {
                    obj_ref: ObjectRef::new(platform).within(&secret.namespace),
                    reason: ReconcileReason::RelatedObjectUpdated {
                        obj_ref: Box::new(changed.erase()),
                    },
                }
            })
            .collect()
    }
}

/// Tells each time when the Secret has changed, and once at the start: what was read before may be out of date.
fn changes(
    client: Client,
    secret: SecretName,
    ids: SharedIds,
) -> impl Stream<Item = SecretName> + Send + 'static {
    let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, &secret.namespace);
    let by_name = watcher::Config::default().fields(&format!("metadata.name={}", secret.name));
    let watch = Watch {
        events: watcher(api, by_name).boxed(),
        seen: Seen::default(),
        failures: 0,
    };
    stream::unfold(watch, move |mut watch| {
        let (secret, ids) = (secret.clone(), ids.clone());
        async move {
            loop {
                match watch.events.next().await? {
                    Ok(event) => {
                        // Each try begins with `Init`: that one says nothing about the API server.
                        if !matches!(event, Event::Init) {
                            watch.failures = 0;
                        }
                        if watch.seen.is_news(event) {
                            return Some((secret, watch));
                        }
                    }
                    Err(error) => {
                        watch.failures = watch.failures.saturating_add(1);
                        if watch.failures == 1 {
                            tracing::info!(?secret, %error, "a Secret is not watched; each pass reads it");
                        }
                        let longest = if is_forbidden(&error) {
                            FORBIDDEN
                        } else {
                            UNANSWERED
                        };
                        sleep(doubled(longest, watch.failures, ids.as_ref())).await;
                    }
                }
            }
        }
    })
}

struct Watch {
    events: BoxStream<'static, watcher::Result<Event<PartialObjectMeta<Secret>>>>,
    seen: Seen,
    failures: u32,
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.is_forbidden(),
        _ => false,
    }
}

/// A Secret as it was seen last.
#[derive(Debug, Default, PartialEq, Eq)]
enum Version {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// It is not there.
    Absent,
    /// It is there.
    Is(String),
}

impl From<Option<String>> for Version {
    fn from(version: Option<String>) -> Self {
        version.map_or(Self::Absent, Self::Is)
    }
}

/// What a watch has seen of its Secret.
#[derive(Debug, Default)]
struct Seen {
    version: Version,
    /// What the list that is under way has shown.
    listed: Option<String>,
}

impl Seen {
    /// Whether the Secret is another one now than was seen before.
    fn is_news(&mut self, event: Event<PartialObjectMeta<Secret>>) -> bool {
        let now = match event {
            Event::Init => {
                self.listed = None;
                return false;
            }
            Event::InitApply(secret) => {
                self.listed = secret.metadata.resource_version;
                return false;
            }
            Event::InitDone => self.listed.take(),
            Event::Apply(secret) => secret.metadata.resource_version,
            Event::Delete(_) => None,
        };
        let now = Version::from(now);
        let news = self.version != now;
        self.version = now;
        news
    }
}

#[cfg(test)]
mod tests;
