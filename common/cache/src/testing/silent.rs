//! A way to Redis on which nothing arrives from some moment on, as behind a firewall that has forgotten a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The way.
pub struct Silent {
    /// Where it begins.
    pub url: String,
    silence: watch::Sender<bool>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    passed: AtomicUsize,
    swallowed: AtomicUsize,
}

impl Silent {
    /// A way to the server of `url`, which has neither a login nor TLS.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn before(url: &str) -> Self {
        let server = url
            .trim_start_matches("redis://")
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (silence, heard) = watch::channel(false);
        let counts = Arc::<Counts>::default();
        let shared = Arc::clone(&counts);
        spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("Redis answers");
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (way, back) = (heard.clone(), heard.clone());
                spawn(pass(from_client, to_server, way, Arc::clone(&shared)));
                spawn(pass(from_server, to_client, back, Arc::clone(&shared)));
            }
        });
        Self {
            url: format!("redis://127.0.0.1:{port}/"),
            silence,
            counts,
        }
    }

    /// From now on nothing arrives.
    pub fn swallow(&self) {
        self.silence.send_replace(true);
    }

    /// What was swallowed arrives late, and everything else in time again.
    pub fn deliver(&self) {
        self.silence.send_replace(false);
    }

    /// Counters that were raised or lowered, and that Redis has heard of.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.counts.passed.load(Ordering::SeqCst)
    }

    /// Counters that were raised or lowered while nothing arrived.
    #[must_use]
    pub fn swallowed(&self) -> usize {
        self.counts.swallowed.load(Ordering::SeqCst)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the runtime of its test"
)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut is_silent: watch::Receiver<bool>,
    counts: Arc<Counts>,
) {
    let (mut bytes, mut held) = ([0; 4096], Vec::new());
    loop {
        tokio::select! {
            read = from.read(&mut bytes) => {
                let Ok(read @ 1..) = read else {
                    return;
                };
                // A command is one write, and in one piece on this machine.
                let commands = bytes[..read].windows(5).filter(|part| *part == b"MULTI").count();
                let count = if *is_silent.borrow() { &counts.swallowed } else { &counts.passed };
                count.fetch_add(commands, Ordering::SeqCst);
                held.extend_from_slice(&bytes[..read]);
            }
            changed = is_silent.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        if !*is_silent.borrow() && to.write_all(&std::mem::take(&mut held)).await.is_err() {
            return;
        }
    }
}
