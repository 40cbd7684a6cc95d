//! Cutting a list into pages.

use common_http::{ApiError, CursorKey, Reply};
use serde::Serialize;

/// The answer: at most `limit` of `rows`, which has one more when the list goes on. `list` tells the cursors of two
/// lists apart.
pub(super) fn reply<T, V: From<T>, P: Serialize>(
    keys: &CursorKey,
    list: &impl Serialize,
    mut rows: Vec<T>,
    limit: u32,
    position: impl Fn(&T) -> P,
) -> Result<Reply<Vec<V>>, ApiError> {
    let limit = limit as usize;
    let goes_on = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(end) if goes_on => Some(keys.encode(&position(end), list)?),
        _ => None,
    };
    Ok(Reply::ok(rows.into_iter().map(V::from).collect()).page(next))
}

/// Rows of a page when the caller does not say.
pub(super) fn fifty() -> u32 {
    50
}
