//! Who is asking is found out once, before anything else is done for them, and how much they may ask with it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use common_auth::Verifier;

use super::ClientAddress;
use crate::extract::Identity;
use crate::limits::{Caller, Limiter};
use crate::{Network, Principal, RequestId};

/// How a role tells its callers apart, and how much each of them may ask.
#[derive(Clone)]
pub struct Callers {
    verifier: Option<Arc<Verifier>>,
    limiter: Option<Limiter>,
}

impl Callers {
    /// For a role that takes no tokens.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            verifier: None,
            limiter: None,
        }
    }

    /// Told apart by their access tokens.
    #[must_use]
    pub fn verified_by(verifier: Arc<Verifier>) -> Self {
        Self {
            verifier: Some(verifier),
            limiter: None,
        }
    }

    /// And each may send so many requests.
    #[must_use]
    pub fn limited_by(self, limiter: Limiter) -> Self {
        Self {
            limiter: Some(limiter),
            ..self
        }
    }
}

/// Notes who asks, refuses what is too much, and tells each caller of their limit.
pub(super) async fn admit(
    State(callers): State<Callers>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match &callers.verifier {
        Some(verifier) => {
            let request_id = request.extensions().get::<RequestId>().cloned();
            Some(identify(verifier, request.headers(), request_id).await)
        }
        None => None,
    };
    let caller = caller(identity.as_ref(), &request);
    if let Some(identity) = identity {
        request.extensions_mut().insert(identity);
    }
    let Some(limiter) = &callers.limiter else {
        return next.run(request).await;
    };
    let mut counted = limiter.count(caller, request.method()).await;
    let mut response = match counted.refusal() {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    if response.status() == StatusCode::NOT_MODIFIED {
        counted.give_back();
    }
    counted.tell(response.headers_mut());
    response
}

async fn identify(
    verifier: &Verifier,
    headers: &HeaderMap,
    request_id: Option<RequestId>,
) -> Identity {
    let Some(token) = bearer(headers) else {
        return Identity::Nobody;
    };
    let claims = match verifier.verify(token).await {
        Ok(claims) => claims,
        Err(error) => return Identity::Refused(Arc::new(error)),
    };
    Identity::Known(Principal {
        user_id: claims.sub,
        session_id: claims.sid,
        is_admin: claims.adm,
        issued_at: claims.iat,
        request_id: request_id.unwrap_or_default().0,
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whom the request is counted for. A token that is not accepted makes nobody known: whoever makes tokens up would have a
/// limit for each of them.
fn caller(identity: Option<&Identity>, request: &Request) -> Caller {
    if let Some(Identity::Known(principal)) = identity {
        return Caller::User(principal.user_id);
    }
    match request.extensions().get::<ClientAddress>() {
        Some(address) => Caller::Network(Network::of(address.0)),
        None => Caller::Somebody,
    }
}
