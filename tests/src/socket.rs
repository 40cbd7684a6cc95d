//! A client of the realtime role.

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use serde_json::Value;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// An open socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens it with a one-time ticket, resuming after `last_seq` if one is given.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn open(address: &str, ticket: &str, last_seq: Option<&str>) -> Result<Self> {
        let resume = last_seq.map_or(String::new(), |seq| format!("&last_seq={seq}"));
        let url = format!("ws://{address}/ws?ticket={ticket}{resume}");
        let (stream, _) = connect_async(&url)
            .await
            .with_context(|| format!("open {url}"))?;
        Ok(Self(stream))
    }

    /// The next frame with JSON that `wanted` accepts; others are passed over.
    ///
    /// # Errors
    /// At the deadline, or when the server closes.
    pub async fn next(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let find = async {
            let mut seen = Vec::new();
            while let Some(message) = self.0.next().await {
                match message.context("read the socket")? {
                    Message::Text(text) => {
                        let frame: Value = serde_json::from_str(&text)
                            .with_context(|| format!("a frame is JSON: {text}"))?;
                        if wanted(&frame) {
                            return Ok(frame);
                        }
                        seen.push(frame);
                    }
                    Message::Close(reason) => bail!("the server closed: {reason:?}; saw {seen:?}"),
                    _ => {}
                }
            }
            bail!("the socket ended; saw {seen:?}")
        };
        timeout(limit, find)
            .await
            .with_context(|| format!("no such frame within {} s", limit.as_secs()))?
    }
}
