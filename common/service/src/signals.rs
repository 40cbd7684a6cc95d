//! The signals that end a process.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancelled when the process is told to end, by SIGTERM or SIGINT. A process calls it first of all: in a container it is number
/// 1, and the kernel drops a signal to that one which it does not handle; it would then live until its grace is over.
///
/// # Errors
/// When the kernel refuses the handlers.
pub fn end_of_process() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let end = CancellationToken::new();
    let told = end.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "it belongs to the process: no role waits for it"
    )]
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(end)
}
