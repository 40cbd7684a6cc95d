//! `GET /ws`: the handshake.

use api_server_users::facade::Directory;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use axum::routing::get;
use common_cache::Cache;
use common_http::{ApiError, ApiResult, Kind, Query};
use garde::Validate;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Pace;
use crate::hub::Hub;
use crate::session::Session;
use crate::tickets::take;

/// Bytes of a message from a client, who has nothing to say.
const MESSAGE: usize = 4 * 1024;

/// What role `realtime` needs.
#[derive(Clone)]
pub struct Realtime {
    /// The events.
    pub hub: Hub,
    /// Where tickets are.
    pub cache: Cache,
    /// Who may see what.
    pub directory: Directory,
    /// How patient sockets are.
    pub pace: Pace,
    /// Ends every socket.
    pub stop: CancellationToken,
    /// The open sockets, which outlive the connections that the listener knows.
    pub sockets: TaskTracker,
}

impl Realtime {
    /// Ends once everything was told to stop and every socket was told why.
    pub async fn drained(self) {
        self.stop.cancelled().await;
        self.sockets.close();
        self.sockets.wait().await;
    }
}

/// How a socket is opened.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Open {
    /// From `POST /api/v1/realtime/tickets`.
    #[garde(length(max = 64))]
    ticket: String,
    /// `seq` of the last frame seen.
    #[garde(length(max = 80))]
    last_seq: Option<String>,
}

async fn open(
    State(realtime): State<Realtime>,
    Query(query): Query<Open>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    // Before the ticket is taken: a request that cannot become a socket must not use it up.
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::new(
            Kind::BadRequest,
            "websocket_expected",
            format!("open this path as a WebSocket: {}", rejection.body_text()),
        )
    })?;
    let bearer = take(&realtime.cache, &query.ticket)
        .await
        .map_err(|error| ApiError::unavailable("tickets cannot be read", error))?
        .ok_or_else(|| {
            ApiError::new(
                Kind::Unauthorized,
                "ticket_invalid",
                "the ticket is unknown, used or too old; get a new one from POST /api/v1/realtime/tickets",
            )
        })?;
    let Realtime {
        hub,
        directory,
        pace,
        stop,
        sockets,
        cache: _,
    } = realtime;
    let tracked = sockets.token();
    let upgrade = upgrade.max_message_size(MESSAGE).max_frame_size(MESSAGE);
    Ok(upgrade.on_upgrade(async move |socket| {
        let session = Session {
            socket,
            hub,
            directory,
            bearer,
            pace,
            stop,
        };
        session.run(query.last_seq).await;
        drop(tracked);
    }))
}

/// The route of role `realtime`.
pub fn router(realtime: Realtime) -> Router {
    Router::new().route("/ws", get(open)).with_state(realtime)
}
