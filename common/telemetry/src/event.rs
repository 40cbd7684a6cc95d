//! The one way to log what somebody did to something.

/// Logs a domain act with its actor, action, entity and id; further fields may follow.
///
/// A missing field does not compile, and the order is fixed so that call sites read alike.
///
/// ```
/// # let (actor, id) = ("018f", "018e");
/// common_telemetry::audit_event!(actor = actor, action = "task.created", entity = "task", id = id, "task created");
/// ```
///
/// ```compile_fail
/// common_telemetry::audit_event!(action = "task.created", entity = "task", id = 1, "task created");
/// ```
#[macro_export]
macro_rules! audit_event {
    (actor = $actor:expr, action = $action:expr, entity = $entity:expr, id = $id:expr, $message:literal $(, $($field:ident).+ = $value:expr)* $(,)?) => {
        $crate::__tracing::info!(
            actor = %$actor,
            action = $action,
            entity = $entity,
            id = %$id,
            $($($field).+ = $value,)*
            $message
        )
    };
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("not poisoned")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn an_event_carries_its_four_fields() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            crate::audit_event!(
                actor = "ada",
                action = "task.created",
                entity = "task",
                id = 7,
                "task created",
                team.id = 3
            );
        });
        let text = String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("UTF-8");
        for part in [
            r#""actor":"ada""#,
            r#""action":"task.created""#,
            r#""entity":"task""#,
            r#""id":"7""#,
            r#""team.id":3"#,
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
