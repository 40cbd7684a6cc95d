//! Which page of a list: how many rows, and after which.

use garde::Validate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::{ApiError, CursorKey};

/// Most rows of a page: 1 to 200, and 50 when the caller does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct Limit(#[garde(range(min = Limit::LEAST, max = Limit::MOST))] u32);

impl Limit {
    const LEAST: u32 = 1;
    const MOST: u32 = 200;
    const UNASKED: u32 = 50;

    /// The number of rows.
    #[must_use]
    pub fn rows(self) -> usize {
        self.0 as usize
    }

    /// One more than that, which tells whether the list goes on.
    #[must_use]
    pub fn rows_and_one(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Self::UNASKED)
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(Self::LEAST))
            .maximum(Some(Self::MOST))
            .default(Some(Self::UNASKED.into()))
            .into()
    }
}

impl ToSchema for Limit {}

/// `meta.page.next` of the page before, as the caller sent it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct Cursor(#[garde(length(max = Cursor::LONGEST))] pub(crate) String);

impl Cursor {
    /// Enough for the position in a list by name: 200 characters of four bytes, an id, the signature.
    const LONGEST: usize = 1200;
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(Self::LONGEST))
            // What is not of these characters is none of ours either.
            .pattern(Some("^[A-Za-z0-9_-]+$"))
            .into()
    }
}

impl ToSchema for Cursor {}

/// The query of a list without a filter. One with a filter has these fields beside its own: what refuses unknown parameters cannot
/// be made of two.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most rows of the answer.
    #[garde(dive)]
    #[serde(default)]
    #[param(inline)]
    pub limit: Limit,
    /// `meta.page.next` of the page before.
    #[garde(dive)]
    #[param(inline)]
    pub cursor: Option<Cursor>,
}

impl PageQuery {
    /// The position after which the page begins; `list` tells the cursors of two lists apart.
    ///
    /// # Errors
    /// As [`CursorKey::decode`].
    pub fn after<P: DeserializeOwned>(
        &self,
        keys: &CursorKey,
        list: &impl Serialize,
    ) -> Result<Option<P>, ApiError> {
        keys.after(self.cursor.as_ref(), list)
    }
}
