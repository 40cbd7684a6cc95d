//! What a caller has not seen, it does not undo: `If-Match` beside the history of a thing whose row is locked.

use common_http::{ApiError, FieldChange, IfMatch, Kind, Violation};
use sqlx::PgConnection;

use crate::Subject;

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The thing was changed since the caller read it.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

/// A thing that has another version than the caller saw.
#[derive(Debug, thiserror::Error)]
#[error(
    "the {what} has version {current} now, which If-Match does not name; look at what changed, then send the request again for that version"
)]
pub struct Stale {
    /// What it is called.
    pub what: &'static str,
    /// The version now.
    pub current: i64,
    /// What differs from the version that the caller saw; nothing when that is not known.
    pub changes: Vec<FieldChange>,
    /// The fields that the request would change.
    pub wanted: Vec<&'static str>,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stale(stale) => stale.into(),
            Refusal::Database(source) => source.into(),
        }
    }
}

impl From<Stale> for ApiError {
    fn from(stale: Stale) -> Self {
        Self::new(
            Kind::PreconditionFailed,
            "version_mismatch",
            stale.to_string(),
        )
        .with_violations(stale.both_changed())
        .with_now(stale.current, stale.changes)
    }
}

impl Stale {
    /// Whether somebody else changed one of the fields that the request would change.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        !self.both_changed().is_empty()
    }

    /// A violation for each field that was changed since, and that the request would change too.
    fn both_changed(&self) -> Vec<Violation> {
        let wanted = self.wanted.iter().map(|field| format!("/{field}"));
        wanted
            .filter(|pointer| self.changes.iter().any(|change| change.pointer == *pointer))
            .map(|pointer| {
                let detail = "was changed since the version that If-Match names";
                Violation::new(pointer, "changed", detail)
            })
            .collect()
    }
}

impl Subject<'_> {
    /// Allows a change of these `fields` of the thing, which has version `current`: of the version that the caller saw, and of
    /// a later one if nobody changed any of them since. Then both changes stand.
    ///
    /// # Errors
    /// [`Refusal::Stale`]; when the database fails.
    pub async fn allow_change(
        self,
        connection: &mut PgConnection,
        current: i64,
        seen: &IfMatch,
        fields: &[&'static str],
    ) -> Result<(), Refusal> {
        if seen.allows(current) {
            return Ok(());
        }
        let Some(changes) = self.since_seen(connection, current, seen).await? else {
            return Err(self.stale(current, Vec::new(), &[]).into());
        };
        let stale = self.stale(current, changes, fields);
        if stale.is_conflict() {
            return Err(stale.into());
        }
        Ok(())
    }

    /// Allows an act on the thing as a whole: of the version that the caller saw, and of no other.
    ///
    /// # Errors
    /// As [`Subject::allow_change`].
    pub async fn allow_act(
        self,
        connection: &mut PgConnection,
        current: i64,
        seen: &IfMatch,
    ) -> Result<(), Refusal> {
        if seen.allows(current) {
            return Ok(());
        }
        let changes = self.since_seen(connection, current, seen).await?;
        Err(self.stale(current, changes.unwrap_or_default(), &[]).into())
    }

    /// What differs from the version that the caller saw; `None` when it names none that the history still tells of.
    async fn since_seen(
        self,
        connection: &mut PgConnection,
        current: i64,
        seen: &IfMatch,
    ) -> Result<Option<Vec<FieldChange>>, sqlx::Error> {
        match seen.newest_before(current) {
            Some(version) => self.since(connection, current, version).await,
            None => Ok(None),
        }
    }

    fn stale(self, current: i64, changes: Vec<FieldChange>, wanted: &[&'static str]) -> Stale {
        Stale {
            what: self.entity,
            current,
            changes,
            wanted: wanted.to_vec(),
        }
    }
}
