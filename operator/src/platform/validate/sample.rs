//! A whole Platform for tests.

use crds::Platform;
use kube::core::ObjectMeta;
use secrecy::SecretString;
use serde_json::json;

use crate::{OperatorConfig, platform::StepError};

use super::{KafkaCluster, PostgresServer, RedisServer, Tls, ValidatedPlatform, validate};

/// The Platform `crewdeck/demo` with every default, on servers `pg`, `redis` and `kafka`.
pub(crate) fn sample() -> ValidatedPlatform {
    checked(&platform()).expect("a usable Platform")
}

/// The resource that [`sample`] is made of.
pub(crate) fn platform() -> Platform {
    let spec = json!({
        "image": {"repository": "crewdeck.io/crewdeck", "tag": "0.1.0"},
        "publicURL": "https://crew.example.org",
        "database": {"secretRef": {"name": "demo-postgres"}},
        "redis": {"secretRef": {"name": "demo-redis"}},
        "events": {"transport": "Kafka", "kafka": {"secretRef": {"name": "demo-kafka"}}},
    });
    let mut platform = Platform::new("demo", serde_json::from_value(spec).expect("a spec"));
    platform.metadata = ObjectMeta {
        name: Some("demo".to_owned()),
        namespace: Some("crewdeck".to_owned()),
        uid: Some("6f2c1a52-0000-4000-8000-000000000001".to_owned()),
        generation: Some(1),
        ..ObjectMeta::default()
    };
    platform
}

/// Validates a resource together with the servers of the sample.
pub(crate) fn checked(platform: &Platform) -> Result<ValidatedPlatform, StepError> {
    let password = || SecretString::from("canary-of-an-administrator");
    let ca_pem = || Some("-----BEGIN CERTIFICATE-----".to_owned());
    let postgres = PostgresServer {
        host: "pg".to_owned(),
        port: 5432,
        replica: Some(("pg".to_owned(), 5433)),
        username: "admin".to_owned(),
        password: password(),
        database: "postgres".to_owned(),
        ca_pem: ca_pem(),
        tls: Tls::Verify,
    };
    let redis = RedisServer {
        host: "redis".to_owned(),
        port: 6379,
        username: "admin".to_owned(),
        password: password(),
        ca_pem: ca_pem(),
        tls: Tls::Verify,
    };
    let kafka = KafkaCluster {
        bootstrap_servers: "kafka:9092".to_owned(),
        username: "admin".to_owned(),
        password: password(),
        sasl_mechanism: "SCRAM-SHA-512".to_owned(),
        security_protocol: "SASL_SSL".to_owned(),
        ca_pem: ca_pem(),
    };
    validate(platform, &OperatorConfig::default(), postgres, redis, kafka)
}
