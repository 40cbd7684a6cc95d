//! The transports and the database side of events, on real parts.

mod cloudevents;
mod kafka;
mod memory;
mod outbox;
mod rabbitmq;
mod redis;

/// A variable that says where a real part is. Fails if it is not set: a test that needs a part never passes without it.
#[expect(
    clippy::disallowed_methods,
    reason = "where the parts are is given to the test process, not to the product"
)]
fn env(name: &str) -> String {
    let value = std::env::var(name);
    assert!(
        value.is_ok(),
        "{name} must say where the real part of this test is"
    );
    value.unwrap_or_default()
}
