//! The names that the commands share.

/// Who we are to the API server.
pub(crate) const MANAGER: &str = "xtask-player";
/// Name of every Platform: each has a namespace of its own, as the chart makes them.
pub(crate) const PLATFORM: &str = "p";

/// Namespace of a Platform.
pub(crate) fn namespace(number: u32) -> String {
    format!("bench-{number:04}")
}
