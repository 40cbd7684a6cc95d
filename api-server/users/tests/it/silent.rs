//! A way to Redis on which everything gets lost from some moment on, as behind a firewall that has forgotten a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The way.
pub(crate) struct Silent {
    /// Where it begins.
    pub(crate) url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_silent: AtomicBool,
    swallowed: AtomicUsize,
}

impl Silent {
    /// A way to the server of `url`, which has neither a login nor TLS.
    pub(crate) async fn before(url: &str) -> Self {
        let server = url
            .trim_start_matches("redis://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("Redis answers");
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                spawn(pass(from_client, to_server, Arc::clone(&shared)));
                spawn(pass(from_server, to_client, Arc::clone(&shared)));
            }
        });
        Self {
            url: format!("redis://127.0.0.1:{port}/"),
            state,
        }
    }

    /// From now on nothing arrives.
    pub(crate) fn swallow(&self) {
        self.state.is_silent.store(true, Ordering::SeqCst);
    }

    /// Counters that were raised or lowered, and that Redis has not heard of.
    pub(crate) fn swallowed(&self) -> usize {
        self.state.swallowed.load(Ordering::SeqCst)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the runtime of its test"
)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if state.is_silent.load(Ordering::SeqCst) {
            // A command is one write, and in one piece on this machine.
            let commands = bytes[..read].windows(5).filter(|part| *part == b"MULTI");
            state
                .swallowed
                .fetch_add(commands.count(), Ordering::SeqCst);
        } else if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
