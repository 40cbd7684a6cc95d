//! Times as rows keep them.

use chrono::{DateTime, SubsecRound as _, Utc};

/// `at` in whole microseconds, which is all that PostgreSQL keeps. With more, the same time sent again would look
/// like a change.
pub(crate) fn stored(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}
