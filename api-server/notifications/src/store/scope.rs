//! Who asks: no row is read or changed without it.

use common_http::Principal;
use uuid::Uuid;

/// What belongs to the person who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own(Uuid);

impl Own {
    pub(crate) fn of(principal: &Principal) -> Self {
        Self(principal.user_id)
    }

    pub(super) fn user(self) -> Uuid {
        self.0
    }
}
