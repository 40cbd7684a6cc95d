//! The trace that a request belongs to: its caller's, or one that begins here (W3C Trace Context).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use common_clock::SharedIds;
use common_telemetry::TraceParent;
use tracing::Span;

const NAME: HeaderName = HeaderName::from_static("traceparent");

/// Ties `span` to the caller's trace and gives its name. Where no traces are exported, the name is made here: a caller
/// finds the log line by it all the same.
pub(super) fn join(span: &Span, headers: &HeaderMap, ids: &SharedIds) -> TraceParent {
    let caller = caller(headers);
    TraceParent::exported(span, caller).unwrap_or_else(|| {
        // The second half of a UUID begins with the bits of its variant, so neither number is zero; what the standard
        // wants to be random of the first, its last seven bytes, is.
        let trace = ids.uuid().as_u128();
        let (_, span) = ids.uuid().as_u64_pair();
        TraceParent::under(caller, trace, span)
    })
}

/// Tells the caller which span its request was.
pub(super) fn tell(own: &TraceParent, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(&own.to_string()) {
        headers.insert(NAME, value);
    }
}

/// The one valid header, if that is what the caller sent.
fn caller(headers: &HeaderMap) -> Option<TraceParent> {
    let mut sent = headers.get_all(NAME).iter();
    let only = sent.next().filter(|_| sent.next().is_none())?;
    TraceParent::parse(only.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: HeaderValue =
        HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

    #[test]
    fn of_several_traces_none_is_taken() {
        let mut headers = HeaderMap::from_iter([(NAME, SENT)]);
        assert!(caller(&headers).is_some());
        headers.append(NAME, SENT);
        assert_eq!(caller(&headers), None);
        assert_eq!(caller(&HeaderMap::new()), None);
    }
}
