//! How much of the faults a run of the tests has time for.

/// Whether there is time for every fault, as with `cargo xtask test --faults`.
#[must_use]
pub fn is_long() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by `cargo xtask test --faults`"
    )]
    let set = std::env::var("CREWDECK_FAULTS");
    set.is_ok()
}
