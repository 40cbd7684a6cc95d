//! Which credentials a role has, and where its pods find them.

use crate::platform::validate::Role;

/// Folder below which each client has one.
const CREDENTIALS: &str = "/etc/crewdeck/credentials";

/// A login on one of the servers; its Secret is `P-<client>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// The application's database, reading and writing rows.
    DbApp,
    /// The application's database, changing the schema.
    DbMigrator,
    /// The views for analytics, on the replica.
    DbAnalyticsReader,
    /// The database of analytics.
    DbAnalyticsOwner,
    /// The application's Redis namespace.
    RedisApp,
    /// The Redis namespace of analytics.
    RedisAnalytics,
    /// The application's topics and groups.
    KafkaApp,
    /// The topics and groups of analytics.
    KafkaAnalytics,
}

/// A server that a login is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// PostgreSQL, to write.
    Primary,
    /// PostgreSQL, to read; the primary where there is no replica.
    Replica,
    /// Redis.
    Redis,
    /// Every broker of Kafka.
    Kafka,
}

impl Client {
    /// Every client.
    pub(crate) const ALL: [Self; 8] = [
        Self::DbApp,
        Self::DbMigrator,
        Self::DbAnalyticsReader,
        Self::DbAnalyticsOwner,
        Self::RedisApp,
        Self::RedisAnalytics,
        Self::KafkaApp,
        Self::KafkaAnalytics,
    ];
    /// The clients of the migration.
    pub(crate) const MIGRATION: &'static [Self] = &[Self::DbMigrator, Self::DbAnalyticsOwner];

    /// The clients of a role: what it needs and nothing else.
    #[must_use]
    pub fn of(role: Role) -> &'static [Self] {
        match role {
            Role::Web => &[Self::DbApp, Self::RedisApp],
            Role::Worker => &[Self::DbApp, Self::KafkaApp],
            Role::Realtime => &[Self::DbApp, Self::RedisApp, Self::KafkaApp],
            Role::Beat => &[Self::DbApp],
            Role::Analytics => &[
                Self::DbAnalyticsReader,
                Self::DbAnalyticsOwner,
                Self::RedisAnalytics,
            ],
            Role::AnalyticsWorker => &[Self::DbAnalyticsOwner, Self::KafkaAnalytics],
        }
    }

    /// Its name, as in the Secret `P-<client>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DbApp => "db-app",
            Self::DbMigrator => "db-migrator",
            Self::DbAnalyticsReader => "db-analytics-reader",
            Self::DbAnalyticsOwner => "db-analytics-owner",
            Self::RedisApp => "redis-app",
            Self::RedisAnalytics => "redis-analytics",
            Self::KafkaApp => "kafka-app",
            Self::KafkaAnalytics => "kafka-analytics",
        }
    }

    /// Where it logs in.
    pub(super) fn place(self) -> Place {
        match self {
            Self::DbApp | Self::DbMigrator | Self::DbAnalyticsOwner => Place::Primary,
            Self::DbAnalyticsReader => Place::Replica,
            Self::RedisApp | Self::RedisAnalytics => Place::Redis,
            Self::KafkaApp | Self::KafkaAnalytics => Place::Kafka,
        }
    }

    /// The folder its Secret is mounted at.
    pub(super) fn directory(self) -> String {
        format!("{CREDENTIALS}/{}", self.as_str())
    }

    /// One file of that folder.
    pub(super) fn file(self, key: &str) -> String {
        format!("{CREDENTIALS}/{}/{key}", self.as_str())
    }
}
