//! Parameters of the path.

use axum::extract::FromRequestParts;
#[expect(clippy::disallowed_types, reason = "the one place that wraps it")]
use axum::extract::Path as Inner;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{ApiError, Kind};

/// Parameters of the path; a value of the wrong shape is 404, since nothing has such a name.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = ApiError;

    #[expect(clippy::disallowed_types, reason = "the one place that wraps it")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Inner(value) =
            Inner::<T>::from_request_parts(parts, state)
                .await
                .map_err(|rejection| {
                    ApiError::new(
                        Kind::NotFound,
                        "not_found",
                        format!("no such resource: {}", rejection.body_text()),
                    )
                })?;
        Ok(Self(value))
    }
}
