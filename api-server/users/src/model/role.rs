//! A member's role in a team.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Roles from the most to the least powerful; the order is that of rights.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and writes tasks.
    Member,
    /// Also changes the team, and who is in it.
    Admin,
    /// Also hands out every role, and archives the team.
    Owner,
}

impl Role {
    /// The role's word in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether the role may change tasks.
    #[must_use]
    pub fn may_write(self) -> bool {
        self >= Self::Member
    }

    /// Whether the role may give `other` to somebody.
    #[must_use]
    pub fn may_grant(self, other: Self) -> bool {
        self >= Self::Admin && self >= other
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "viewer" => Ok(Self::Viewer),
            "member" => Ok(Self::Member),
            "admin" => Ok(Self::Admin),
            "owner" => Ok(Self::Owner),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Member, Owner, Viewer};

    #[test]
    fn rights_follow_the_order() {
        assert!(
            !Viewer.may_write() && Member.may_write() && Admin.may_write() && Owner.may_write()
        );
        assert!(Owner.may_grant(Owner) && Admin.may_grant(Admin) && Admin.may_grant(Viewer));
        assert!(!Admin.may_grant(Owner) && !Member.may_grant(Viewer));
    }
}
