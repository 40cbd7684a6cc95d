//! Pages of lists.

use common_http::{ApiError, Cursor, CursorKey, Limit};
use garde::Validate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// Which page.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Most rows of the answer.
    #[garde(dive)]
    #[serde(default)]
    #[param(inline)]
    pub(super) limit: Limit,
    /// `meta.page.next` of the page before.
    #[garde(dive)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

impl PageQuery {
    /// The position after which the page begins; `list` tells the cursors of two lists apart.
    pub(super) fn after<P: DeserializeOwned>(
        &self,
        keys: &CursorKey,
        list: &impl Serialize,
    ) -> Result<Option<P>, ApiError> {
        keys.after(self.cursor.as_ref(), list)
    }
}
