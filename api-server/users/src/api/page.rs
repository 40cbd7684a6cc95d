//! Pages of lists.

use common_http::{ApiError, CursorKey};
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
    #[garde(range(min = 1, max = 200))]
    #[serde(default = "fifty")]
    #[param(default = 50, minimum = 1, maximum = 200)]
    pub(super) limit: u32,
    /// `meta.page.next` of the page before.
    #[garde(length(max = 1200))]
    pub(super) cursor: Option<String>,
}

fn fifty() -> u32 {
    50
}

impl PageQuery {
    /// The position after which the page begins; `list` tells the cursors of two lists apart.
    pub(super) fn after<P: DeserializeOwned>(
        &self,
        keys: &CursorKey,
        list: &impl Serialize,
    ) -> Result<Option<P>, ApiError> {
        self.cursor
            .as_deref()
            .map(|cursor| keys.decode(cursor, list))
            .transpose()
    }
}
