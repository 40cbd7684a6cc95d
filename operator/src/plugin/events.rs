//! The Events of Platforms, as far as the cluster still keeps them: an hour, unless it is set otherwise.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, ObjectReference},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{Api, api::ListParams};
use serde::Serialize;

use super::{Error, error::Asked, session::Session};

/// An Event of a Platform.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    /// Name of the Platform.
    pub(super) platform: String,
    /// Which one of that name.
    #[serde(skip)]
    pub(super) uid: Option<String>,
    /// When it was told last.
    pub(super) time: Time,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub(super) type_: String,
    /// One word.
    pub(super) reason: String,
    /// One line.
    pub(super) message: String,
}

/// The Events of all Platforms of the namespace, oldest first.
pub(super) async fn told(session: &Session) -> Result<Vec<Told>, Error> {
    let events: Api<Event> = Api::namespaced(session.client.clone(), &session.namespace);
    let of_platforms = ListParams::default().fields("involvedObject.kind=Platform");
    let list = events.list(&of_platforms).await.map_err(|error| {
        let asked = Asked {
            verb: "list",
            resource: "events",
            namespace: &session.namespace,
        };
        asked.failed(&error)
    })?;
    let mut told: Vec<Told> = list.items.into_iter().map(Told::from).collect();
    told.sort_by_key(|event| event.time.0);
    Ok(told)
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        let time = time(&event);
        let ObjectReference { name, uid, .. } = event.involved_object;
        Self {
            platform: name.unwrap_or_default(),
            uid,
            time,
            type_: event.type_.unwrap_or_default(),
            reason: event.reason.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        }
    }
}

/// When an Event was seen last, in whichever of its fields that stands.
fn time(event: &Event) -> Time {
    let series = event.series.as_ref();
    let micro = series
        .and_then(|series| series.last_observed_time.as_ref())
        .or(event.event_time.as_ref());
    let last = event
        .last_timestamp
        .as_ref()
        .or(event.metadata.creation_timestamp.as_ref());
    Time(match (micro, last) {
        (Some(micro), _) => micro.0,
        (None, Some(time)) => time.0,
        (None, None) => Timestamp::UNIX_EPOCH,
    })
}
