//! Which trace a piece of work belongs to, as others name it: `traceparent` of W3C Trace Context.
//!
//! Knows no HTTP: a text comes in, a text goes out. `tracestate` is left out, since nothing of ours reads it.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Characters of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// One span of one trace (<https://www.w3.org/TR/trace-context/>, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

impl TraceParent {
    /// What a caller sent; nothing when it is not valid, and then a trace has to begin anew.
    ///
    /// Of a version that is not known yet, the part that version 00 has is read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (head, rest) = bytes.split_at_checked(LENGTH)?;
        let known = head.starts_with(b"00-");
        if head.starts_with(b"ff") || !(rest.is_empty() || (!known && rest[0] == b'-')) {
            return None;
        }
        let mut parts = std::str::from_utf8(head).ok()?.split('-');
        let mut number = |digits| hex(parts.next()?, digits);
        let (_, trace, span, flags) = (number(2)?, number(32)?, number(16)?, number(2)?);
        let own = Self {
            trace,
            span: u64::try_from(span).ok()?,
            is_sampled: flags & 1 == 1,
        };
        (own.trace != 0 && own.span != 0).then_some(own)
    }

    /// The span `span` of the trace that goes on from `caller`, or of the new one `trace`. Neither number may be zero.
    #[must_use]
    pub fn under(caller: Option<Self>, trace: u128, span: u64) -> Self {
        Self {
            trace: caller.map_or(trace, |caller| caller.trace),
            span,
            is_sampled: caller.is_some_and(|caller| caller.is_sampled),
        }
    }

    /// The trace's name: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// Makes `span`, which has not been entered yet, a part of the caller's trace. Gives the name under which it is
    /// exported, and nothing in a process that exports no traces.
    #[must_use]
    pub fn exported(span: &Span, caller: Option<Self>) -> Option<Self> {
        if let Some(caller) = caller {
            // Fails where nothing exports, which the next lines find out.
            let _ = span.set_parent(Context::new().with_remote_span_context(caller.remote()));
        }
        let context = span.context();
        let span = context.span();
        let own = span.span_context();
        own.is_valid().then(|| Self {
            trace: u128::from_be_bytes(own.trace_id().to_bytes()),
            span: u64::from_be_bytes(own.span_id().to_bytes()),
            is_sampled: own.is_sampled(),
        })
    }

    fn remote(self) -> SpanContext {
        let flags = if self.is_sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        SpanContext::new(
            TraceId::from(self.trace),
            SpanId::from(self.span),
            flags,
            true,
            TraceState::NONE,
        )
    }
}

/// As a header has it.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

/// Tells the exported span how its request was answered (names of OpenTelemetry's HTTP conventions): a server's span has
/// failed when the server has. Past the log, which has its own line of the request.
pub fn answered(span: &Span, status: u16) {
    span.set_attribute("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.set_attribute("error.type", status.to_string());
        span.set_status(Status::error(""));
    }
}

/// `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let right = text.len() == digits && text.bytes().all(valid);
    right.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::KeyValue;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SpanData, SpanExporter};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::{EnvFilter, Layer as _};

    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn caller() -> TraceParent {
        TraceParent::parse(CALLER).expect("valid")
    }

    #[test]
    fn what_was_read_is_written() {
        assert_eq!(caller().to_string(), CALLER);
        let unsampled = CALLER.replace("-01", "-00");
        let read = TraceParent::parse(&unsampled).expect("valid");
        assert_eq!(read.to_string(), unsampled);
        // Bits that nobody has given a meaning are not handed on.
        let read = TraceParent::parse(&CALLER.replace("-01", "-ff")).expect("valid");
        assert_eq!(read, caller());
    }

    #[test]
    fn of_a_later_version_the_known_part_is_read() {
        for later in ["cc-", "01-"] {
            let text = CALLER.replacen("00-", later, 1);
            assert_eq!(TraceParent::parse(&text), Some(caller()), "{text}");
            let longer = format!("{text}-what-the-future-is-like");
            assert_eq!(TraceParent::parse(&longer), Some(caller()), "{longer}");
            assert_eq!(TraceParent::parse(&format!("{text}.more")), None);
        }
    }

    #[test]
    fn what_is_not_valid_is_nothing() {
        for text in [
            "",
            "00",
            &CALLER[..54],
            &format!("{CALLER}-"),
            &format!("{CALLER}0"),
            &CALLER.to_uppercase(),
            &CALLER.replacen("00-", "ff-", 1),
            &CALLER.replacen("00-", "0x-", 1),
            &CALLER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &CALLER.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &CALLER.replace("00f067aa0ba902b7", "+0f067aa0ba902b7"),
            &CALLER.replace("36-00", "3-600"),
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{fc}-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_trace_goes_on_or_begins() {
        let own = TraceParent::under(Some(caller()), 7, 8);
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000008-01";
        assert_eq!(own.to_string(), text);
        assert_eq!(own.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let new = TraceParent::under(None, 7, 8);
        let text = "00-00000000000000000000000000000007-0000000000000008-00";
        assert_eq!(new.to_string(), text);
    }

    #[derive(Debug, Clone, Default)]
    struct Exported(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Exported {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("not poisoned").extend(batch);
            Ok(())
        }
    }

    #[test]
    fn an_exported_span_has_the_name_that_is_told() {
        let exported = Exported::default();
        let provider = crate::traces::sampled()
            .with_simple_exporter(exported.clone())
            .build();
        let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        // As `init` puts them together.
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(std::io::sink)
            .boxed();
        let layers = lines.and_then(Some(spans));
        let filter = EnvFilter::new("info");
        let subscriber = tracing_subscriber::registry().with(layers.with_filter(filter));
        // One of the callers wants no spans of its trace.
        let unsampled = TraceParent::parse(&CALLER.replace("-01", "-00")).expect("valid");
        let told = tracing::subscriber::with_default(subscriber, || {
            [None, Some(caller()), Some(unsampled)].map(|caller| {
                let span = tracing::info_span!("http.request");
                let own = TraceParent::exported(&span, caller).expect("it is exported");
                answered(&span, if caller.is_some() { 503 } else { 200 });
                own
            })
        });
        let spans = exported.0.lock().expect("not poisoned");
        let [root, child, unsampled] = spans.as_slice() else {
            unreachable!("{spans:?}");
        };
        for (span, told) in [root, child, unsampled].into_iter().zip(told) {
            let own = &span.span_context;
            let name = format!("00-{}-{}-01", own.trace_id(), own.span_id());
            assert_eq!(name, told.to_string());
        }
        assert_eq!(root.parent_span_id, SpanId::INVALID);
        assert_eq!(root.status, Status::Unset);
        assert_eq!(child.parent_span_id.to_string(), "00f067aa0ba902b7");
        for told in &told[1..] {
            assert_eq!(told.trace_id(), caller().trace_id());
        }
        assert_eq!(child.status, Status::error(""));
        let status = KeyValue::new("http.response.status_code", 503);
        assert!(child.attributes.contains(&status), "{child:?}");
    }

    #[test]
    fn where_nothing_is_exported_no_name_is_told() {
        let span = tracing::info_span!("http.request");
        assert_eq!(TraceParent::exported(&span, Some(caller())), None);
        answered(&span, 500);
    }
}
