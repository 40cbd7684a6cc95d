//! The one mapping from an error's kind to a status.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::reply::bare_etag;
use crate::{Envelope, FieldChange, Problem, Violation};

/// What a handler gives.
pub type ApiResult<T> = Result<T, ApiError>;

/// Kinds of errors; each has one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: the request cannot be understood.
    BadRequest,
    /// 401: no valid token.
    Unauthorized,
    /// 403: the caller may see it but not do this.
    Forbidden,
    /// 404: it does not exist, or the caller may not know that it does.
    NotFound,
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 409: it contradicts what is there.
    Conflict,
    /// 412: it changed meanwhile.
    PreconditionFailed,
    /// 413: too long.
    TooLarge,
    /// 415: not JSON.
    UnsupportedMediaType,
    /// 422: understood, and not valid.
    Invalid,
    /// 429: too often.
    RateLimited,
    /// 500: our fault; nothing is told but the request's id.
    Internal,
    /// 503: something that we need does not answer.
    Unavailable,
    /// 504: it took too long.
    Timeout,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 14] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::Timeout,
    ];

    /// The kind with this status, written in digits.
    pub(crate) fn of(status: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.status().as_str() == status)
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Request cannot be understood",
            Self::Unauthorized => "A valid token is required",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed here",
            Self::Conflict => "Conflict with what exists",
            Self::PreconditionFailed => "It changed meanwhile",
            Self::TooLarge => "Request is too long",
            Self::UnsupportedMediaType => "Media type is not supported",
            Self::Invalid => "Request is not valid",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Internal error",
            Self::Unavailable => "Temporarily unavailable",
            Self::Timeout => "Took too long",
        }
    }
}

/// An error on its way to the caller.
#[derive(Debug)]
pub struct ApiError {
    kind: Kind,
    code: &'static str,
    detail: Option<String>,
    violations: Vec<Violation>,
    now: Option<Box<Now>>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What became of a thing that the caller saw otherwise.
#[derive(Debug)]
struct Now {
    version: i64,
    changes: Vec<FieldChange>,
}

/// Carried in a response's extensions to the one log line of the request.
#[derive(Clone)]
pub(crate) struct Logged {
    pub(crate) problem: Problem,
    pub(crate) source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error of `kind` with a stable `code` and a `detail` for the caller.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            detail: Some(detail.into()),
            violations: Vec::new(),
            now: None,
            retry_after: None,
            source: None,
        }
    }

    /// 500; `source` goes to the log and nowhere else.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            detail: None,
            source: Some(Arc::from(source.into())),
            ..Self::new(Kind::Internal, "internal", "")
        }
    }

    /// 503 because of `source`, which goes to the log.
    pub fn unavailable(
        detail: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(Arc::from(source.into())),
            retry_after: Some(Duration::from_secs(3)),
            ..Self::new(Kind::Unavailable, "unavailable", detail)
        }
    }

    /// 422 with everything that is wrong.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        Self {
            detail: None,
            violations,
            ..Self::new(Kind::Invalid, "validation_failed", "")
        }
    }

    /// 404 with the name of what is missing.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            Kind::NotFound,
            "not_found",
            format!("no such {what}, or you may not see it"),
        )
    }

    /// 401; one body for every reason, which goes to the log.
    pub fn unauthorized(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(Arc::from(source.into())),
            ..Self::new(
                Kind::Unauthorized,
                "unauthorized",
                "send a valid access token as Authorization: Bearer …",
            )
        }
    }

    /// Adds what the thing is now, for 412: the `ETag` of its version, and what changed since the one that the caller saw.
    #[must_use]
    pub fn with_now(mut self, version: i64, changes: Vec<FieldChange>) -> Self {
        self.now = Some(Box::new(Now { version, changes }));
        self
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Adds what each violation is.
    #[must_use]
    pub fn with_violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    fn problem(&self) -> Problem {
        Problem {
            kind: format!("/errors/{}", self.code),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.clone(),
            instance: None,
            errors: self.violations.clone(),
            changes: self
                .now
                .iter()
                .flat_map(|now| now.changes.clone())
                .collect(),
        }
    }
}

impl From<sqlx::Error> for ApiError {
    /// A database that is away is 503; everything else that a store did not expect is 500.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::unavailable("the database does not answer", error)
            }
            sqlx::Error::Database(refusal) if goes_away(refusal.code().as_deref()) => {
                Self::unavailable(
                    "the database does not answer",
                    sqlx::Error::Database(refusal),
                )
            }
            other => Self::internal(other),
        }
    }
}

/// Whether a server that says so stops, starts, or has ended the session: classes 08 and 57P of PostgreSQL's codes.
fn goes_away(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let mut response = (
            self.kind.status(),
            axum::response::AppendHeaders([(header::CONTENT_TYPE, "application/json")]),
            serde_json::to_string(&Envelope::error(problem.clone())).unwrap_or_default(),
        )
            .into_response();
        let headers = response.headers_mut();
        if self.kind == Kind::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(now) = self.now {
            headers.insert(header::ETAG, bare_etag(now.version));
        }
        if let Some(after) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(after.as_secs().max(1)),
            );
        }
        response.extensions_mut().insert(Logged {
            problem,
            source: self.source,
        });
        response
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::an_administrator_ended_the_session("57P01", true)]
    #[case::starting_up("57P03", true)]
    #[case::connection_failure("08006", true)]
    #[case::cancelled_for_its_time("57014", false)]
    #[case::unique("23505", false)]
    fn a_server_that_goes_away_is_told_from_one_that_refuses(
        #[case] code: &str,
        #[case] away: bool,
    ) {
        assert_eq!(goes_away(Some(code)), away);
        assert!(!goes_away(None));
    }
}
