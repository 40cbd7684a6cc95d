//! Where the Redis of the tests is, and a way to it that can fall silent.

mod silent;

pub use silent::Silent;

/// Its address, as the environment says.
///
/// # Panics
/// When it says nothing.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where their servers are"
)]
pub fn redis_url() -> String {
    std::env::var("CREWDECK_TEST_REDIS_URL")
        .expect("CREWDECK_TEST_REDIS_URL names a Redis server; `cargo xtask test` starts one")
}
