//! What we write is a `CloudEvents` 1.0 event to a library that is not ours.

use cloudevents::{AttributesReader as _, Data, Event, event::ExtensionValue};
use common_clock::{Ids as _, SystemIds};
use common_events::{Envelope, conformance};

#[test]
fn another_library_reads_the_structured_form() {
    let sent = Envelope {
        actor: Some(SystemIds.uuid()),
        ..conformance::event(SystemIds.uuid(), 7)
    };
    let text = sent.to_structured().to_string();
    let read: Event = serde_json::from_str(&text).expect("an event");
    assert_eq!(read.id(), sent.id.to_string());
    assert_eq!(read.ty(), sent.event_type);
    assert_eq!(read.source(), &sent.source);
    assert_eq!(read.subject(), Some(&*sent.subject));
    assert_eq!(read.time(), Some(&sent.time));
    assert_eq!(read.datacontenttype(), Some("application/json"));
    assert_eq!(
        read.dataschema().map(ToString::to_string),
        Some(sent.dataschema.clone())
    );
    let extension = |name| match read.extension(name) {
        Some(ExtensionValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    assert_eq!(extension("partitionkey"), Some(&*sent.subject));
    assert_eq!(extension("sequence"), Some("00000000000000000007"));
    assert_eq!(extension("entityversion"), Some("7"));
    assert_eq!(
        extension("actor"),
        sent.actor.map(|id| id.to_string()).as_deref()
    );
    assert!(matches!(read.data(), Some(Data::Json(data)) if *data == sent.data));
    // And back: what it writes, we read.
    let back = serde_json::to_vec(&read).expect("JSON");
    assert_eq!(
        Envelope::from_structured(&back).expect("an event of ours"),
        sent
    );
}
