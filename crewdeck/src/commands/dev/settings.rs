//! What the roles are told, where nobody said otherwise.

use common_config::Source;

use crate::commands::keys::Files;
use crate::role::Role;

/// The roles of the process; each listens beside the one before.
pub(super) const ROLES: [Role; 6] = [
    Role::Web,
    Role::Realtime,
    Role::Analytics,
    Role::Worker,
    Role::Beat,
    Role::AnalyticsWorker,
];
/// From a role's own port to the one with its probes.
const PROBES: u16 = 1000;

/// The values of this run.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) redis: String,
    pub(super) keys: Files,
    pub(super) cursor_key: String,
}

impl Settings {
    /// The environment with a default for each key that is not given: what is given wins.
    pub(super) fn under(
        &self,
        given: &Source,
        environment: Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        let path = |path: &std::path::Path| path.display().to_string();
        let defaults = [
            ("database", "url", self.database.clone()),
            ("redis", "url", self.redis.clone()),
            ("analytics", "reader_url", self.database.clone()),
            ("analytics", "owner_url", self.database.clone()),
            ("auth", "issuer", format!("http://localhost:{}", self.port)),
            ("auth", "jwks_file", path(&self.keys.set)),
            ("signing", "key_file", path(&self.keys.signing)),
            ("http", "cursor_key", self.cursor_key.clone()),
            ("telemetry", "log_format", "text".to_owned()),
            // Connections that end with our own server are no news.
            ("telemetry", "filter", "warn,sqlx_core=error".to_owned()),
        ];
        // A set of keys that comes from an address does not come from our file.
        let remote_keys = given.has_key("auth", "jwks_url");
        let mut all: Vec<(String, String)> = defaults
            .into_iter()
            .filter(|(section, key, _)| !given.has_key(section, key))
            .filter(|(_, key, _)| !(remote_keys && *key == "jwks_file"))
            .map(|(section, key, value)| {
                let name = format!("CREWDECK_{section}_{key}").to_uppercase();
                (name, value)
            })
            .collect();
        all.extend(environment);
        all
    }

    /// What differs from role to role: ports of loopback, and the part of Redis.
    pub(super) fn of(&self, role: Role) -> Vec<(String, String)> {
        let at = ROLES.iter().position(|other| *other == role).unwrap_or(0);
        // Six roles: the sum stays a port, since the command line bounds the first.
        let port = self.port + u16::try_from(at).unwrap_or(0);
        let mut own = vec![
            ("CREWDECK_SERVICE_LISTEN", format!("127.0.0.1:{port}")),
            (
                "CREWDECK_SERVICE_PROBE_LISTEN",
                format!("127.0.0.1:{}", port + PROBES),
            ),
            ("CREWDECK_SERVICE_DRAIN_SECONDS", "5".to_owned()),
        ];
        if role == Role::Analytics {
            own.push(("CREWDECK_REDIS_NAMESPACE", "crewdeck-analytics".to_owned()));
        }
        own.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            port: 8000,
            database: "postgres://own".to_owned(),
            redis: "redis://own".to_owned(),
            keys: Files {
                signing: "/keys/signing.jwk".into(),
                set: "/keys/jwks.json".into(),
            },
            cursor_key: "0123456789abcdef0123456789abcdef".to_owned(),
        }
    }

    fn value<'a>(environment: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        environment
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    #[test]
    fn what_is_given_has_no_default_and_what_is_not_has_one() {
        let own: Vec<(String, String)> = [
            ("CREWDECK_DATABASE_URL", "postgres://given"),
            ("CREWDECK_REDIS_NAMESPACE", "given"),
            ("CREWDECK_HTTP_CURSOR_KEY_FILE", "/given"),
            ("CREWDECK_AUTH_JWKS_URL", "https://given"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let given = Source::load(None, own.clone()).expect("no file");
        let all = settings().under(&given, own);
        assert_eq!(value(&all, "CREWDECK_DATABASE_URL"), ["postgres://given"]);
        assert_eq!(value(&all, "CREWDECK_REDIS_URL"), ["redis://own"]);
        assert_eq!(value(&all, "CREWDECK_HTTP_CURSOR_KEY"), Vec::<&str>::new());
        assert_eq!(value(&all, "CREWDECK_AUTH_JWKS_FILE"), Vec::<&str>::new());
        assert_eq!(
            value(&all, "CREWDECK_AUTH_ISSUER"),
            ["http://localhost:8000"]
        );
    }

    #[test]
    fn no_two_roles_share_a_port() {
        let settings = settings();
        let mut ports: Vec<String> = ROLES
            .iter()
            .flat_map(|role| settings.of(*role))
            .filter(|(name, _)| name.ends_with("LISTEN"))
            .map(|(_, address)| address)
            .collect();
        ports.sort();
        ports.dedup();
        assert_eq!(ports.len(), 12);
    }
}
