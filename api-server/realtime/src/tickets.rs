//! One-time tickets: `POST /api/v1/realtime/tickets` gives one, `/ws` takes it. A browser cannot send a token with the
//! handshake of a WebSocket, and a token in an address would stay in logs; a ticket is worth nothing afterwards.

use std::time::Duration;

use axum::extract::State;
use common_cache::{Cache, CacheError};
use common_clock::SharedIds;
use common_http::{ApiError, ApiResult, Envelope, Principal, Reply};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Time to open the socket in.
const LIFE: Duration = Duration::from_secs(30);

/// What role `web` needs to give tickets out.
#[derive(Clone)]
pub struct Tickets {
    cache: Cache,
    ids: SharedIds,
}

impl Tickets {
    /// Tickets kept in `cache`, which the realtime role shares.
    #[must_use]
    pub fn new(cache: Cache, ids: SharedIds) -> Self {
        Self { cache, ids }
    }
}

/// Whose socket it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Bearer {
    pub(crate) user_id: Uuid,
    pub(crate) session_id: Uuid,
}

/// Takes the ticket: of many sockets, one gets it.
pub(crate) async fn take(cache: &Cache, ticket: &str) -> Result<Option<Bearer>, CacheError> {
    // What we gave out is 43 characters of base64url; anything else is not worth a question.
    let sound = ticket.len() == 43
        && ticket
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !sound {
        return Ok(None);
    }
    cache.get_del(&key(ticket)).await
}

fn key(ticket: &str) -> String {
    format!("realtime:ticket:{ticket}")
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
struct TicketView {
    /// Open `/ws?ticket=…` of the realtime address with it, once.
    ticket: String,
    /// Seconds that it lives.
    #[schema(example = 30)]
    expires_in: u64,
}

/// Get a ticket for a WebSocket
///
/// It opens one socket at `/ws?ticket=…` of the realtime address; `&last_seq=…` resumes after the last frame seen.
#[utoipa::path(post, path = "/api/v1/realtime/tickets", tag = "realtime", responses(
    (status = 201, description = "A ticket", body = Envelope<TicketView>),
    (status = 503, description = "`unavailable`: Redis is away"),
))]
async fn create_ticket(
    State(tickets): State<Tickets>,
    principal: Principal,
) -> ApiResult<Reply<TicketView>> {
    let ticket = tickets.ids.token(32);
    let bearer = Bearer {
        user_id: principal.user_id,
        session_id: principal.session_id,
    };
    tickets
        .cache
        .set_ex(&key(&ticket), &bearer, LIFE)
        .await
        .map_err(|error| ApiError::unavailable("tickets cannot be kept", error))?;
    Ok(Reply::created(
        "/ws",
        TicketView {
            ticket,
            expires_in: LIFE.as_secs(),
        },
    ))
}

/// The route, before there is anything to serve it with.
pub fn routes() -> OpenApiRouter<Tickets> {
    OpenApiRouter::new().routes(routes!(create_ticket))
}

/// The route of role `web`.
#[must_use]
pub fn router(tickets: Tickets) -> OpenApiRouter {
    routes().with_state(tickets)
}
