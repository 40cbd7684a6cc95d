//! The one configuration file of a role: `crewdeck.toml` in ConfigMap `P-<role>-config`. No secret stands in it,
//! only the paths of the files that hold them. At its head stands the number of its keys: an image that knows fewer of them
//! passes the others over (ADR 0029).

use common_config::KEYS;
use k8s_openapi::api::core::v1::ConfigMap;
use toml::{Table, Value};

use super::{Client, container::PROBE_PORT, object_name, service};
use crate::platform::{
    metadata::metadata,
    validate::{Role, RoleSpec, ValidatedPlatform},
};

/// Key of the ConfigMap and name of the file.
pub(super) const FILE: &str = "crewdeck.toml";

/// Seconds of a pod's time to end that are not for running work: the pause before the signal, and the end itself.
const NOT_FOR_WORK_SECONDS: i64 = 10;

/// The configuration of a role.
pub(super) fn role(p: &ValidatedPlatform, spec: &RoleSpec) -> ConfigMap {
    let role = spec.role;
    let mut sections = Table::new();
    let port = service::port(role).unwrap_or(8000);
    section(
        &mut sections,
        "service",
        [
            ("listen", Value::from(format!("0.0.0.0:{port}"))),
            ("probe_listen", format!("0.0.0.0:{PROBE_PORT}").into()),
            (
                "drain_seconds",
                (spec.template.termination_grace_period_seconds - NOT_FOR_WORK_SECONDS).into(),
            ),
        ],
    );
    section(
        &mut sections,
        "telemetry",
        [("log_format", "json".to_owned())],
    );
    if role.verifies() {
        let seconds = |time: chrono::TimeDelta| time.num_seconds().into();
        let timings = &p.signing.timings;
        section(
            &mut sections,
            "auth",
            [
                ("issuer", Value::from(p.public_url.clone())),
                ("jwks_file", "/etc/crewdeck/jwks/jwks.json".into()),
                ("access_token_seconds", seconds(timings.token)),
                ("jwks_max_age_seconds", seconds(timings.cache)),
                ("clock_skew_seconds", seconds(timings.skew)),
            ],
        );
    }
    if role == Role::Web {
        section(
            &mut sections,
            "signing",
            [("key_file", "/etc/crewdeck/signing/signing.jwk".to_owned())],
        );
        section(
            &mut sections,
            "http",
            [("cursor_key_file", "/etc/crewdeck/web/cursor.key")],
        );
        // Zero is what a role has without it: nothing new is told to one that nobody reaches from outside.
        if p.trusted_hops > 0 {
            section(&mut sections, "http", [("trusted_hops", p.trusted_hops)]);
        }
    }
    for client in Client::of(role) {
        credentials(p, &mut sections, *client);
    }
    config_map(
        p,
        format!("{}-config", object_name(p, role)),
        Some(role),
        &sections,
    )
}

/// The configuration of the migration.
pub(super) fn migration(p: &ValidatedPlatform) -> ConfigMap {
    let mut sections = Table::new();
    section(
        &mut sections,
        "telemetry",
        [("log_format", "json".to_owned())],
    );
    section(
        &mut sections,
        "migrate",
        [
            ("database_url_file", Client::DbMigrator.file("url")),
            ("analytics_url_file", Client::DbAnalyticsOwner.file("url")),
            ("admin_directory", "/etc/crewdeck/admin".to_owned()),
        ],
    );
    config_map(p, format!("{}-migrate-config", p.name), None, &sections)
}

/// Where a client's credentials stand in the configuration.
fn credentials(p: &ValidatedPlatform, sections: &mut Table, client: Client) {
    match client {
        Client::DbApp => section(sections, "database", [("url_file", client.file("url"))]),
        Client::DbAnalyticsReader => section(
            sections,
            "analytics",
            [("reader_url_file", client.file("url"))],
        ),
        Client::DbAnalyticsOwner => section(
            sections,
            "analytics",
            [("owner_url_file", client.file("url"))],
        ),
        Client::RedisApp | Client::RedisAnalytics => {
            let namespace = if client == Client::RedisApp {
                "app"
            } else {
                "analytics"
            };
            let mut values = vec![
                ("url_file", client.file("url")),
                ("namespace", p.external.redis_namespace(namespace)),
            ];
            if p.redis.ca_pem.is_some() {
                values.push(("ca_file", client.file("ca.crt")));
            }
            section(sections, "redis", values);
        }
        Client::KafkaApp | Client::KafkaAnalytics => section(
            sections,
            "events",
            [
                ("transport", "kafka".to_owned()),
                ("topic_prefix", p.external.topic_prefix().to_owned()),
                ("source", p.public_url.clone()),
                ("kafka_directory", client.directory()),
            ],
        ),
        // Of the migration, which has a section of its own.
        Client::DbMigrator => {}
    }
}

fn section<'a>(
    sections: &mut Table,
    name: &str,
    values: impl IntoIterator<Item = (&'a str, impl Into<Value>)>,
) {
    let entry = sections
        .entry(name)
        .or_insert_with(|| Value::Table(Table::new()));
    if let Some(table) = entry.as_table_mut() {
        table.extend(
            values
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.into())),
        );
    }
}

fn config_map(
    p: &ValidatedPlatform,
    name: String,
    role: Option<Role>,
    sections: &Table,
) -> ConfigMap {
    let text = format!("{}{sections}", head());
    ConfigMap {
        metadata: metadata(p, name, role),
        data: Some([(FILE.to_owned(), text)].into()),
        ..ConfigMap::default()
    }
}

/// What stands before the first section.
fn head() -> String {
    format!("schema = {KEYS}\n\n")
}

/// The settings in a file, without the number before them: an operator that knows more keys has nothing to tell the pods by
/// that alone.
pub(super) fn settings(text: &str) -> &str {
    text.strip_prefix(&head()).unwrap_or(text)
}
