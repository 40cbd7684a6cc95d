//! The transports and the database side of events, on real parts.

mod memory;
mod outbox;
mod redis;

/// A variable that says where a real part is. Fails if it is not set: a test that needs a part never passes without it.
#[expect(
    clippy::disallowed_methods,
    reason = "where the parts are is given to the test process, not to the product"
)]
fn env(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} must say where the real part of this test is"))
}
