//! `GET /ws`: the handshake.

use api_server_users::facade::Directory;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;
use common_cache::Cache;
use common_http::{ApiError, ApiResult, Query};
use garde::Validate;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

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
    /// Ends every socket.
    pub stop: CancellationToken,
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
    upgrade: WebSocketUpgrade,
) -> ApiResult<Response> {
    let bearer = take(&realtime.cache, &query.ticket)
        .await
        .map_err(|error| ApiError::unavailable("tickets cannot be read", error))?
        .ok_or_else(|| ApiError::unauthorized("the ticket is unknown, used or too old"))?;
    let Realtime {
        hub,
        directory,
        stop,
        ..
    } = realtime;
    Ok(upgrade.max_message_size(MESSAGE).on_upgrade(move |socket| {
        Session {
            socket,
            hub,
            directory,
            bearer,
            stop,
        }
        .run(query.last_seq)
    }))
}

/// The route of role `realtime`.
pub fn router(realtime: Realtime) -> Router {
    Router::new().route("/ws", get(open)).with_state(realtime)
}
