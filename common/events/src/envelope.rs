//! What travels: a CloudEvents 1.0 event and its structured JSON form. Pure; the header forms are the backends'.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::EventError;

/// Version of the `CloudEvents` specification that this crate writes.
pub(crate) const SPEC_VERSION: &str = "1.0";
/// Media type of `data`.
pub(crate) const DATA_CONTENT_TYPE: &str = "application/json";

/// One event. `id` is the same on every delivery, so a consumer can tell a repetition.
///
/// `CloudEvents` attributes `id`, `source`, `type`, `subject`, `time`, `dataschema`; extensions `partitionkey`
/// (= subject), `sequence` (20 digits, sortable as text), `entityversion` and `actor`.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Identity of the event; the key of every inbox.
    pub id: Uuid,
    /// Who made it, a URI reference: `/crewdeck` or the platform's own.
    pub source: String,
    /// Type and version, `task.created.v1`.
    pub event_type: String,
    /// The entity that it is about; also the key that gives order.
    pub subject: String,
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// Where the JSON Schema of `data` is.
    pub dataschema: String,
    /// Position in the outbox of its database: grows with time, has gaps.
    pub sequence: i64,
    /// Version of the entity after the change; a consumer that keeps the highest one ignores late repetitions.
    pub version: i64,
    /// The user who caused it; none for the platform itself.
    pub actor: Option<Uuid>,
    /// The payload.
    pub data: Value,
}

/// The structured JSON form (RFC 8259; `CloudEvents` JSON format 1.0).
#[derive(Serialize, Deserialize)]
struct Structured<'a> {
    specversion: std::borrow::Cow<'a, str>,
    id: Uuid,
    source: std::borrow::Cow<'a, str>,
    #[serde(rename = "type")]
    event_type: std::borrow::Cow<'a, str>,
    subject: std::borrow::Cow<'a, str>,
    time: String,
    datacontenttype: std::borrow::Cow<'a, str>,
    dataschema: std::borrow::Cow<'a, str>,
    partitionkey: std::borrow::Cow<'a, str>,
    sequence: String,
    entityversion: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<Uuid>,
    data: std::borrow::Cow<'a, Value>,
}

impl Envelope {
    /// The entity id in `subject`, if it is a UUID (it is for every event that this platform makes).
    #[must_use]
    pub fn entity_id(&self) -> Option<Uuid> {
        self.subject.parse().ok()
    }

    /// The payload as a type.
    ///
    /// # Errors
    /// `EventError::Malformed` if `data` is not a `T`.
    pub fn data_as<T: serde::de::DeserializeOwned>(&self) -> Result<T, EventError> {
        T::deserialize(&self.data).map_err(|source| {
            EventError::malformed(format!("data of {}: {source}", self.event_type))
        })
    }

    /// Structured `CloudEvents` JSON, as it goes to a browser, to Redis and between tasks of one process.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "every key is a string and every value has a JSON form"
    )]
    pub fn to_structured(&self) -> Value {
        serde_json::to_value(Structured {
            specversion: SPEC_VERSION.into(),
            id: self.id,
            source: (&*self.source).into(),
            event_type: (&*self.event_type).into(),
            subject: (&*self.subject).into(),
            time: rfc3339(self.time),
            datacontenttype: DATA_CONTENT_TYPE.into(),
            dataschema: (&*self.dataschema).into(),
            partitionkey: (&*self.subject).into(),
            sequence: sequence_text(self.sequence),
            entityversion: self.version.to_string(),
            actor: self.actor,
            data: std::borrow::Cow::Borrowed(&self.data),
        })
        .expect("every key is a string and every value has a JSON form")
    }

    /// Reads structured `CloudEvents` JSON.
    ///
    /// # Errors
    /// `EventError::Malformed` naming the attribute that is missing or wrong.
    pub fn from_structured(bytes: &[u8]) -> Result<Self, EventError> {
        let read: Structured<'_> = serde_json::from_slice(bytes)
            .map_err(|source| EventError::malformed(format!("structured event: {source}")))?;
        Attributes {
            specversion: &read.specversion,
            id: &read.id.to_string(),
            source: &read.source,
            event_type: &read.event_type,
            subject: &read.subject,
            time: &read.time,
            dataschema: &read.dataschema,
            sequence: &read.sequence,
            version: &read.entityversion,
            actor: read.actor.map(|actor| actor.to_string()).as_deref(),
        }
        .into_envelope(read.data.into_owned())
    }

    /// Attributes as text in the names of `CloudEvents`, for the binary modes: `[("id", …), ("source", …), …]`.
    pub(crate) fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut list = vec![
            ("specversion", SPEC_VERSION.to_owned()),
            ("id", self.id.to_string()),
            ("source", self.source.clone()),
            ("type", self.event_type.clone()),
            ("subject", self.subject.clone()),
            ("time", rfc3339(self.time)),
            ("dataschema", self.dataschema.clone()),
            ("partitionkey", self.subject.clone()),
            ("sequence", sequence_text(self.sequence)),
            ("entityversion", self.version.to_string()),
        ];
        list.extend(self.actor.map(|actor| ("actor", actor.to_string())));
        list
    }

    /// Reads attributes in the names of `CloudEvents` and a JSON body, the reverse of `attributes`.
    pub(crate) fn from_attributes<'a>(
        get: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
    ) -> Result<Self, EventError> {
        let need = |name: &'static str| {
            get(name).ok_or_else(|| EventError::malformed(format!("attribute {name} is missing")))
        };
        let data = serde_json::from_slice(body)
            .map_err(|source| EventError::malformed(format!("data: {source}")))?;
        Attributes {
            specversion: need("specversion")?,
            id: need("id")?,
            source: need("source")?,
            event_type: need("type")?,
            subject: need("subject")?,
            time: need("time")?,
            dataschema: need("dataschema")?,
            sequence: need("sequence")?,
            version: need("entityversion")?,
            actor: get("actor"),
        }
        .into_envelope(data)
    }
}

/// The attributes as text, whatever form they came in.
struct Attributes<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    event_type: &'a str,
    subject: &'a str,
    time: &'a str,
    dataschema: &'a str,
    sequence: &'a str,
    version: &'a str,
    actor: Option<&'a str>,
}

impl Attributes<'_> {
    fn into_envelope(self, data: Value) -> Result<Envelope, EventError> {
        if self.specversion != SPEC_VERSION {
            return Err(EventError::malformed(format!(
                "specversion is {:?}, not \"{SPEC_VERSION}\"",
                self.specversion
            )));
        }
        Ok(Envelope {
            id: parse("id", self.id)?,
            source: self.source.to_owned(),
            event_type: self.event_type.to_owned(),
            subject: self.subject.to_owned(),
            time: parse("time", self.time)?,
            dataschema: self.dataschema.to_owned(),
            sequence: parse("sequence", self.sequence)?,
            version: parse("entityversion", self.version)?,
            actor: self.actor.map(|actor| parse("actor", actor)).transpose()?,
            data,
        })
    }
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: &str,
) -> Result<T, EventError> {
    text.parse()
        .map_err(|source| EventError::malformed(format!("attribute {name} is {text:?}: {source}")))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The `sequence` extension is compared as text, so it is padded.
fn sequence_text(sequence: i64) -> String {
    format!("{sequence:020}")
}

#[cfg(test)]
mod tests {
    use cloudevents::AttributesReader as _;
    use serde_json::json;

    use super::*;

    fn sample() -> Envelope {
        Envelope {
            id: Uuid::from_u128(7),
            source: "/crewdeck".into(),
            event_type: "task.created.v1".into(),
            subject: Uuid::from_u128(9).to_string(),
            time: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
            dataschema: "urn:crewdeck:event:task.created.v1".into(),
            sequence: 42,
            version: 3,
            actor: Some(Uuid::from_u128(11)),
            data: json!({"title": "Grüße, 世界", "nested": [1, null, {"a": 1.5}]}),
        }
    }

    #[test]
    fn structured_form_reads_back_equal() {
        let event = sample();
        let bytes = serde_json::to_vec(&event.to_structured()).unwrap();
        assert_eq!(Envelope::from_structured(&bytes).unwrap(), event);
    }

    #[test]
    fn attributes_read_back_equal_without_actor_too() {
        for actor in [None, Some(Uuid::from_u128(1))] {
            let event = Envelope { actor, ..sample() };
            let attributes = event.attributes();
            let get = |name: &str| {
                attributes
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value.as_str())
            };
            let body = serde_json::to_vec(&event.data).unwrap();
            assert_eq!(Envelope::from_attributes(get, &body).unwrap(), event);
        }
    }

    #[test]
    fn the_cloudevents_sdk_accepts_the_structured_form() {
        let event = sample();
        let read: cloudevents::Event = serde_json::from_value(event.to_structured()).unwrap();
        assert_eq!(read.id(), event.id.to_string());
        assert_eq!(read.ty(), event.event_type);
        assert_eq!(read.subject(), Some(&*event.subject));
        assert_eq!(read.time(), Some(&event.time));
        assert_eq!(
            read.extension("partitionkey").map(ToString::to_string),
            Some(event.subject)
        );
    }

    #[test]
    fn errors_name_the_attribute() {
        let mut json = sample().to_structured();
        json["entityversion"] = json!("three");
        let error = Envelope::from_structured(json.to_string().as_bytes())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("entityversion") && error.contains("three"),
            "{error}"
        );
        let error = Envelope::from_attributes(|_| None, b"{}")
            .unwrap_err()
            .to_string();
        assert!(error.contains("specversion"), "{error}");
        json["specversion"] = json!("0.3");
        assert!(
            Envelope::from_structured(json.to_string().as_bytes())
                .unwrap_err()
                .to_string()
                .contains("0.3")
        );
    }
}
