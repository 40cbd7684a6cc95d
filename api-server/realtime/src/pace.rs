//! How patient sockets are.

use std::time::Duration;

/// How patient sockets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How often a socket is pinged.
    pub tick: Duration,
    /// How often its owner's rights are looked at again: how long a socket outlives its sign-in or its team at most.
    pub rights: Duration,
    /// A client that has not answered for this long is gone.
    pub silence: Duration,
    /// A client that does not take a frame for this long is gone.
    pub slow: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(15),
            rights: Duration::from_secs(4),
            silence: Duration::from_secs(45),
            slow: Duration::from_secs(10),
        }
    }
}
