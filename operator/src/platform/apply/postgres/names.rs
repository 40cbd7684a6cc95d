//! The names of everything of a Platform on PostgreSQL. Pure.

use crate::platform::apply::ledger::{Kind, Server, Thing};

/// Longest name that PostgreSQL keeps whole.
#[cfg(test)]
const LONGEST: usize = 63;

/// Databases, group roles and logins of one Platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The application's database.
    pub database: String,
    /// The database of analytics.
    pub analytics_database: String,
    /// Owns the application's database and all that is in it; cannot log in.
    pub owner: String,
    /// May read and write the application's tables; cannot log in.
    pub app: String,
    /// May read the `analytics_*` views; cannot log in.
    pub reader: String,
    /// Owns the database of analytics; cannot log in.
    pub analytics: String,
    /// What `COMMENT ON` says of each of them.
    pub marker: String,
}

impl Names {
    /// The names for a prefix that is unique to the Platform (`[a-z0-9_]`, at most 40 bytes).
    #[must_use]
    pub fn of(sql: &str, namespace: &str, name: &str) -> Self {
        let with = |suffix: &str| format!("{sql}_{suffix}");
        Self {
            database: sql.to_owned(),
            analytics_database: with("analytics"),
            owner: with("owner"),
            app: with("app"),
            reader: with("reader"),
            analytics: with("analytics_owner"),
            marker: format!("{}{sql})", mark(namespace, name)),
        }
    }

    /// Whether a marker is of the Platform, under whatever prefix.
    #[must_use]
    pub fn is_of(marker: &str, namespace: &str, name: &str) -> bool {
        marker.starts_with(&mark(namespace, name))
    }

    /// The logins.
    #[must_use]
    pub fn logins(&self) -> [LoginSpec; 4] {
        let login = |client, base: String, group: &str| LoginSpec {
            client,
            slots: [format!("{base}_a"), format!("{base}_b")],
            group: group.to_owned(),
            database: self.database.clone(),
            place: Place::Primary,
            becomes: None,
            read_only: false,
        };
        let sql = &self.database;
        [
            LoginSpec {
                becomes: Some(self.owner.clone()),
                ..login("db-migrator", format!("{sql}_migrator"), &self.owner)
            },
            LoginSpec {
                place: Place::Both,
                ..login("db-app", self.app.clone(), &self.app)
            },
            LoginSpec {
                place: Place::Replica,
                read_only: true,
                ..login("db-analytics-reader", self.reader.clone(), &self.reader)
            },
            LoginSpec {
                becomes: Some(self.analytics.clone()),
                database: self.analytics_database.clone(),
                ..login(
                    "db-analytics-owner",
                    self.analytics_database.clone(),
                    &self.analytics,
                )
            },
        ]
    }

    /// The roles that cannot log in.
    #[must_use]
    pub fn groups(&self) -> [&str; 4] {
        [&self.owner, &self.app, &self.reader, &self.analytics]
    }

    /// Both databases, each with its owner.
    #[must_use]
    pub fn databases(&self) -> [(&str, &str); 2] {
        [
            (&self.database, &self.owner),
            (&self.analytics_database, &self.analytics),
        ]
    }

    /// All of it, for the ledger.
    #[must_use]
    pub fn things(&self) -> Vec<Thing> {
        let thing = |kind, name: &str| Thing::new(Server::Postgres, kind, name);
        let mut things = Vec::new();
        things.extend(
            self.databases()
                .map(|(name, _)| thing(Kind::Database, name)),
        );
        things.extend(self.groups().map(|name| thing(Kind::Role, name)));
        for login in self.logins() {
            things.extend(login.slots.iter().map(|name| thing(Kind::Login, name)));
        }
        things
    }
}

/// How a marker begins; the prefix follows.
fn mark(namespace: &str, name: &str) -> String {
    format!("Crewdeck Platform {namespace}/{name} (")
}

/// Where a login is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the primary.
    Primary,
    /// On the primary, and to read on the replica.
    Both,
    /// On the replica only; on the primary if there is no replica.
    Replica,
}

/// A login of two slots, of which one is in use; the other is for the next change of password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSpec {
    /// The Secret is `P-<client>`.
    pub client: &'static str,
    /// The two roles.
    pub slots: [String; 2],
    /// The role that has the rights.
    pub group: String,
    /// The database it is for.
    pub database: String,
    /// The servers it is for.
    pub place: Place,
    /// The role that it acts as, so that what it makes belongs to that role.
    pub becomes: Option<String>,
    /// Whether its transactions read only, unless it says otherwise.
    pub read_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_fit_and_differ() {
        let names = Names::of(&"x".repeat(40), "crewdeck", "demo");
        let things = names.things();
        let distinct: BTreeSet<_> = things
            .iter()
            .map(|thing| (&thing.name, thing.kind == Kind::Database))
            .collect();
        assert_eq!(distinct.len(), things.len());
        for thing in &things {
            assert!(thing.name.len() <= LONGEST, "{thing}");
        }
    }
}
