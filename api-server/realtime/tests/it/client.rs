//! One WebSocket, from the client's side.

use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longest wait for a frame.
const DEADLINE: Duration = Duration::from_secs(20);

/// An open socket.
#[derive(Debug)]
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Why a socket was not opened.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, query: &str) -> Result<Self, Refusal> {
        match connect_async(format!("ws://{address}/ws?{query}")).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                let body: Value = serde_json::from_slice(body).expect("JSON");
                Err(Refusal {
                    status: answer.status().as_u16(),
                    code: body["error"]["code"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                })
            }
            Err(error) => Err(Refusal {
                status: 0,
                code: error.to_string(),
            }),
        }
    }

    async fn message(&mut self) -> Message {
        let next = timeout(DEADLINE, self.0.next()).await;
        let next = next.expect("a frame in time").expect("an open socket");
        next.expect("a whole frame")
    }

    /// The next frame with content.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message.is_ping() {
                continue;
            }
            assert!(message.is_text(), "not a frame with content: {message:?}");
            let text = message.into_text().expect("text");
            return serde_json::from_str(&text).expect("JSON");
        }
    }

    /// The next frame, which is of this kind; gives its `seq`.
    pub(crate) async fn expect(&mut self, kind: &str) -> String {
        let frame = self.frame().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame["seq"].as_str().expect("a place").to_owned()
    }

    /// The next frame, which is an event; gives the task's title and the frame's `seq`.
    pub(crate) async fn event(&mut self) -> (String, String) {
        let frame = self.frame().await;
        assert_eq!(frame["type"], "event", "{frame}");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&frame["event"]["data"]["title"]), text(&frame["seq"]))
    }

    /// The code that the server closes with; frames before it are passed over.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.message().await {
                // Reading on sends the answer.
                while self.0.next().await.is_some() {}
                return frame.expect("a reason").code.into();
            }
        }
    }
}
