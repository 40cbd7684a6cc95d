//! Parameters of the query.

use axum::extract::FromRequestParts;
#[expect(clippy::disallowed_types, reason = "the one place that wraps it")]
use axum::extract::Query as Inner;
use axum::http::request::Parts;
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::{ApiError, Kind, Violation};

/// Validated parameters of the query. `T` denies unknown fields.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()> + Send,
{
    type Rejection = ApiError;

    #[expect(clippy::disallowed_types, reason = "the one place that wraps it")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Inner(value) =
            Inner::<T>::from_request_parts(parts, state)
                .await
                .map_err(|rejection| {
                    ApiError::new(Kind::BadRequest, "query_invalid", rejection.body_text())
                })?;
        value.validate().map_err(|report| {
            let all = report.iter().map(|(path, error)| {
                Violation::new(format!("?{path}"), "invalid", error.message().to_string())
            });
            ApiError::new(
                Kind::BadRequest,
                "query_invalid",
                "a query parameter is not valid",
            )
            .with_violations(all.collect())
        })?;
        Ok(Self(value))
    }
}
