//! Fetches what a Platform names: the three Secrets with endpoint and admin login. Live reads: what is watched of a
//! Secret is its metadata alone.

use std::collections::BTreeMap;

use crds::{ConditionType, Platform, PlatformSpec, Reason};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, ResourceExt as _};
use secrecy::SecretString;

use super::{
    Context, StepError,
    validate::{KafkaCluster, PostgresServer, RedisServer, Tls},
};

/// The servers of a Platform.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    /// PostgreSQL.
    pub(super) postgres: PostgresServer,
    /// Redis.
    pub(super) redis: RedisServer,
    /// Kafka.
    pub(super) kafka: KafkaCluster,
}

/// The names of the Secrets that a spec names and the operator reads.
pub(crate) fn named_secrets(spec: &PlatformSpec) -> impl Iterator<Item = &str> {
    let kafka = spec.events.kafka.as_ref();
    let references = [&spec.database.secret_ref, &spec.redis.secret_ref];
    references
        .into_iter()
        .chain(kafka.map(|kafka| &kafka.secret_ref))
        .map(|reference| reference.name.as_str())
}

/// The servers of a Platform, each as far as it is known: one whose Secret is gone hides no other.
pub(super) struct Each {
    /// PostgreSQL.
    pub(super) postgres: Result<PostgresServer, StepError>,
    /// Redis.
    pub(super) redis: Result<RedisServer, StepError>,
    /// Kafka.
    pub(super) kafka: Result<KafkaCluster, StepError>,
}

/// Reads the Secrets that the spec names.
///
/// # Errors
/// Every Secret that is missing, that may not be read, or that lacks a key, with the condition it belongs to; each
/// names the command that mends it. At least one.
pub(super) async fn dereference(
    cx: &Context,
    platform: &Platform,
) -> Result<Servers, Vec<(ConditionType, StepError)>> {
    if platform.spec.events.kafka.is_none() {
        return Err(vec![(ConditionType::SpecValid, no_kafka())]);
    }
    let Each {
        postgres,
        redis,
        kafka,
    } = each(cx, platform).await;
    match (postgres, redis, kafka) {
        (Ok(postgres), Ok(redis), Ok(kafka)) => Ok(Servers {
            postgres,
            redis,
            kafka,
        }),
        (postgres, redis, kafka) => Err([
            (ConditionType::DatabaseReady, postgres.err()),
            (ConditionType::RedisReady, redis.err()),
            (ConditionType::EventsReady, kafka.err()),
        ]
        .into_iter()
        .filter_map(|(condition, error)| Some((condition, error?)))
        .collect()),
    }
}

/// The same, each server by itself.
pub(super) async fn each(cx: &Context, platform: &Platform) -> Each {
    let namespace = platform.namespace().unwrap_or_default();
    let spec = &platform.spec;
    let kafka = async {
        let kafka = spec.events.kafka.as_ref().ok_or_else(no_kafka)?;
        fetch(cx, &namespace, "events", &kafka.secret_ref.name).await
    };
    let (postgres, redis, kafka) = tokio::join!(
        fetch(cx, &namespace, "database", &spec.database.secret_ref.name),
        fetch(cx, &namespace, "redis", &spec.redis.secret_ref.name),
        kafka,
    );
    Each {
        postgres: postgres.and_then(|binding| binding.postgres()),
        redis: redis.and_then(|binding| binding.redis()),
        kafka: kafka.and_then(|binding| binding.kafka()),
    }
}

fn no_kafka() -> StepError {
    let message = "spec.events.kafka is required when spec.events.transport is Kafka";
    StepError::terminal(Reason::InvalidSpec, message)
}

/// A fetched Secret and where it was named.
struct Binding {
    field: &'static str,
    namespace: String,
    name: String,
    data: BTreeMap<String, ByteString>,
}

async fn fetch(
    cx: &Context,
    namespace: &str,
    field: &'static str,
    name: &str,
) -> Result<Binding, StepError> {
    let api: Api<Secret> = Api::namespaced(cx.client.clone(), namespace);
    let what = format!("Secret {namespace}/{name}");
    match api.get_opt(name).await {
        Ok(Some(secret)) => Ok(Binding {
            field,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            data: secret.data.unwrap_or_default(),
        }),
        Ok(None) => Err(StepError::waiting(
            Reason::SecretNotFound,
            format!(
                "{field} needs Secret {name} in namespace {namespace}; create it with: kubectl -n {namespace} create \
                 secret generic {name} {}",
                command_hint(field)
            ),
        )),
        // A grant may come at any moment, and nothing tells the operator when: looked at again soon.
        Err(error) => Err(StepError {
            class: super::Class::Waiting,
            ..StepError::of_kube(&what, &error)
        }),
    }
}

fn command_hint(field: &str) -> &'static str {
    match field {
        "events" => {
            "--from-literal=bootstrap-servers=HOST:PORT --from-literal=username=… --from-literal=password=… \
             --from-literal=security-protocol=SASL_SSL --from-literal=sasl-mechanism=SCRAM-SHA-512 --from-file=ca.crt"
        }
        "database" => {
            "--from-literal=host=… --from-literal=port=… --from-literal=username=… --from-literal=password=… \
             --from-file=ca.crt (and, if there is a replica, --from-literal=replica-host=… --from-literal=replica-port=…)"
        }
        _ => {
            "--from-literal=host=… --from-literal=port=… --from-literal=username=… --from-literal=password=… \
             --from-file=ca.crt"
        }
    }
}

impl Binding {
    fn postgres(&self) -> Result<PostgresServer, StepError> {
        let replica = match self.optional("replica-host")? {
            Some(host) => Some((host, self.port("replica-port", 5432)?)),
            None => None,
        };
        Ok(PostgresServer {
            host: self.required("host")?,
            port: self.port("port", 5432)?,
            replica,
            username: self.required("username")?,
            password: SecretString::from(self.required("password")?),
            database: self
                .optional("database")?
                .unwrap_or_else(|| "postgres".to_owned()),
            ca_pem: self.authority()?,
            tls: self.tls()?,
        })
    }

    fn redis(&self) -> Result<RedisServer, StepError> {
        Ok(RedisServer {
            host: self.required("host")?,
            port: self.port("port", 6379)?,
            username: self
                .optional("username")?
                .unwrap_or_else(|| "default".to_owned()),
            password: SecretString::from(self.required("password")?),
            ca_pem: self.authority()?,
            tls: self.tls()?,
        })
    }

    fn kafka(&self) -> Result<KafkaCluster, StepError> {
        let mechanism = self
            .optional("sasl-mechanism")?
            .unwrap_or_else(|| "SCRAM-SHA-512".to_owned());
        if mechanism != "SCRAM-SHA-512" {
            return Err(self.invalid(
                "sasl-mechanism",
                &format!("is {mechanism}; SCRAM-SHA-512 is supported"),
            ));
        }
        let wanted = match self.tls()? {
            Tls::Verify => "SASL_SSL",
            Tls::Disabled => "SASL_PLAINTEXT",
        };
        let protocol = self
            .optional("security-protocol")?
            .unwrap_or_else(|| wanted.to_owned());
        if protocol != wanted {
            return Err(self.invalid(
                "security-protocol",
                &format!("is {protocol}; it must be SASL_SSL, or SASL_PLAINTEXT together with insecureTransport=true"),
            ));
        }
        Ok(KafkaCluster {
            bootstrap_servers: self.required("bootstrap-servers")?,
            username: self.required("username")?,
            password: SecretString::from(self.required("password")?),
            sasl_mechanism: mechanism,
            security_protocol: protocol,
            ca_pem: self.authority()?,
        })
    }

    fn optional(&self, key: &str) -> Result<Option<String>, StepError> {
        let Some(value) = self.data.get(key) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&value.0)
            .map_err(|_| self.invalid(key, "is not text in UTF-8"))?
            .trim()
            .to_owned();
        Ok((!text.is_empty()).then_some(text))
    }

    fn required(&self, key: &str) -> Result<String, StepError> {
        self.optional(key)?
            .ok_or_else(|| self.invalid(key, "is missing or empty"))
    }

    fn port(&self, key: &str, default: u16) -> Result<u16, StepError> {
        match self.optional(key)? {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => Ok(port),
                _ => Err(self.invalid(key, "is not a port from 1 to 65535")),
            },
        }
    }

    /// `ca.crt`; without it the authorities that every system trusts are used.
    fn authority(&self) -> Result<Option<String>, StepError> {
        let found = self.optional("ca.crt")?;
        if found
            .as_ref()
            .is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----"))
        {
            return Err(self.invalid("ca.crt", "holds no PEM certificate"));
        }
        Ok(found)
    }

    fn tls(&self) -> Result<Tls, StepError> {
        match self.optional("insecureTransport")?.as_deref() {
            None | Some("false") => Ok(Tls::Verify),
            Some("true") => Ok(Tls::Disabled),
            Some(_) => Err(self.invalid("insecureTransport", "is neither true nor false")),
        }
    }

    /// Never carries a value of a key that may hold a secret.
    fn invalid(&self, key: &str, why: &str) -> StepError {
        let Self {
            field,
            namespace,
            name,
            ..
        } = self;
        StepError::waiting(
            Reason::SecretInvalid,
            format!(
                "{field}: key {key} of Secret {namespace}/{name} {why}; mend it with: kubectl -n {namespace} edit \
                 secret {name}"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::told::is_told;

    fn binding(pairs: &[(&str, &str)]) -> Binding {
        Binding {
            field: "database",
            namespace: "crewdeck".to_owned(),
            name: "demo-postgres".to_owned(),
            data: pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
                .collect(),
        }
    }

    const GOOD: [(&str, &str); 3] = [
        ("host", "pg"),
        ("username", "admin"),
        ("password", "canary-7c1f"),
    ];

    #[test]
    fn a_whole_secret_is_read_with_defaults() {
        let server = binding(&GOOD).postgres().expect("complete");
        assert_eq!(
            (server.host.as_str(), server.port, server.replica),
            ("pg", 5432, None)
        );
        assert_eq!(
            (server.database.as_str(), server.tls),
            ("postgres", Tls::Verify)
        );
    }

    #[rstest]
    #[case::no_host(
        "host",
        "",
        "key host of Secret crewdeck/demo-postgres is missing or empty"
    )]
    #[case::port(
        "port",
        "70000",
        "key port of Secret crewdeck/demo-postgres is not a port"
    )]
    #[case::authority("ca.crt", "canary-7c1f", "holds no PEM certificate")]
    #[case::transport("insecureTransport", "yes", "is neither true nor false")]
    #[case::replica("replica-port", "0", "key replica-port")]
    fn each_defect_names_its_key_and_no_value(
        #[case] key: &str,
        #[case] value: &str,
        #[case] words: &str,
    ) {
        let mut pairs: Vec<_> = GOOD.into_iter().filter(|(name, _)| *name != key).collect();
        pairs.extend([(key, value), ("replica-host", "replica")]);
        let error = binding(&pairs).postgres().expect_err("defective");
        is_told(Reason::SecretInvalid, error.reason.as_str());
        assert!(error.message.contains(words), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }

    #[test]
    fn plain_text_needs_the_secret_to_say_so() {
        let mut pairs = vec![
            ("bootstrap-servers", "k:9092"),
            ("username", "u"),
            ("password", "p"),
        ];
        pairs.push(("security-protocol", "SASL_PLAINTEXT"));
        assert!(binding(&pairs).kafka().is_err());
        pairs.push(("insecureTransport", "true"));
        assert_eq!(
            binding(&pairs).kafka().expect("allowed").security_protocol,
            "SASL_PLAINTEXT"
        );
    }
}
