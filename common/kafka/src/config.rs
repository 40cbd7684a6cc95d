//! Section `[kafka]`: where the cluster is and how to log in.

use std::path::{Path, PathBuf};

use common_config::{AppConfig, SecretRef};
use rdkafka::ClientConfig;
use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::error::KafkaError;

/// A Kafka cluster and a login. Either `directory`, as a mounted Secret gives it, or the single keys.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Folder with the files `bootstrap-servers` and, where they apply, `security-protocol`, `sasl-mechanism`,
    /// `username`, `password` and `ca.crt`. Read at each new client, so that a changed login is taken up.
    pub directory: Option<PathBuf>,
    /// `host:port[,host:port…]`.
    pub bootstrap_servers: Option<String>,
    /// `PLAINTEXT` (the default), `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub security_protocol: Option<String>,
    /// `SCRAM-SHA-512` (the default with SASL), `SCRAM-SHA-256` or `PLAIN`.
    pub sasl_mechanism: Option<String>,
    /// Login name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<SecretRef>,
    /// Certificate authority (PEM) that signed the brokers' certificates.
    pub ca_file: Option<PathBuf>,
}

impl AppConfig for KafkaConfig {
    const SECTION: &'static str = "kafka";
}

impl KafkaConfig {
    /// The cluster and login of a mounted Secret.
    #[must_use]
    pub fn directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
            ..Self::default()
        }
    }

    /// The settings of a client, with the login as it is now. Producers and consumers add their own.
    ///
    /// # Errors
    /// `KafkaError::Config` or `KafkaError::Unreadable`.
    pub fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        let keys = match &self.directory {
            Some(directory) => Keys::of_directory(directory)?,
            None => Keys::of_fields(self)?,
        };
        keys.client_config()
    }
}

/// The same keys, wherever they came from.
struct Keys {
    bootstrap_servers: String,
    security_protocol: Option<String>,
    sasl_mechanism: Option<String>,
    username: Option<String>,
    password: Option<String>,
    ca: Option<String>,
}

impl Keys {
    fn of_directory(directory: &Path) -> Result<Self, KafkaError> {
        let read = |name: &str| optional(&directory.join(name));
        let bootstrap_servers = read("bootstrap-servers")?.ok_or_else(|| {
            KafkaError::Config(format!(
                "{} has no file bootstrap-servers",
                directory.display()
            ))
        })?;
        Ok(Self {
            bootstrap_servers,
            security_protocol: read("security-protocol")?,
            sasl_mechanism: read("sasl-mechanism")?,
            username: read("username")?,
            password: read("password")?,
            ca: read("ca.crt")?,
        })
    }

    fn of_fields(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let missing =
            || KafkaError::Config("directory or bootstrap_servers must be given".to_owned());
        let password = config.password.as_ref().map(SecretRef::read).transpose();
        let password = password.map_err(|error| KafkaError::Config(error.to_string()))?;
        let ca = config.ca_file.as_ref().map(|path| {
            std::fs::read_to_string(path).map_err(|source| KafkaError::Unreadable {
                path: path.clone(),
                source,
            })
        });
        Ok(Self {
            bootstrap_servers: config.bootstrap_servers.clone().ok_or_else(missing)?,
            security_protocol: config.security_protocol.clone(),
            sasl_mechanism: config.sasl_mechanism.clone(),
            username: config.username.clone(),
            password: password.map(|password| password.expose_secret().to_owned()),
            ca: ca.transpose()?,
        })
    }

    fn client_config(self) -> Result<ClientConfig, KafkaError> {
        let protocol = self
            .security_protocol
            .unwrap_or_else(|| "PLAINTEXT".to_owned())
            .to_ascii_uppercase();
        let (tls, sasl) = match &*protocol {
            "PLAINTEXT" => (false, false),
            "SSL" => (true, false),
            "SASL_PLAINTEXT" => (false, true),
            "SASL_SSL" => (true, true),
            other => {
                let known = "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL";
                return Err(KafkaError::Config(format!(
                    "security protocol {other:?} is not {known}"
                )));
            }
        };
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.bootstrap_servers)
            .set("security.protocol", protocol);
        // A broker that moves is found again in seconds, not minutes.
        client
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        if let (true, Some(ca)) = (tls, self.ca) {
            client.set("ssl.ca.pem", ca);
        }
        if sasl {
            let (Some(username), Some(password)) = (self.username, self.password) else {
                return Err(KafkaError::Config(
                    "SASL needs a username and a password".to_owned(),
                ));
            };
            let mechanism = self
                .sasl_mechanism
                .unwrap_or_else(|| "SCRAM-SHA-512".to_owned());
            client
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", username)
                .set("sasl.password", password);
        }
        Ok(client)
    }
}

/// The content of a file without surrounding white space; none if there is no such file.
fn optional(path: &Path) -> Result<Option<String>, KafkaError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KafkaError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_keys_become_client_settings() {
        let config = KafkaConfig {
            bootstrap_servers: Some("kafka:9092".into()),
            security_protocol: Some("sasl_plaintext".into()),
            username: Some("app".into()),
            password: Some(SecretRef::from("secret".to_owned())),
            ..KafkaConfig::default()
        };
        let client = config.client_config().unwrap();
        assert_eq!(client.get("security.protocol"), Some("SASL_PLAINTEXT"));
        assert_eq!(client.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert_eq!(client.get("sasl.password"), Some("secret"));
        assert_eq!(client.get("ssl.ca.pem"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = KafkaConfig::default()
            .client_config()
            .unwrap_err()
            .to_string();
        assert!(error.contains("bootstrap_servers"), "{error}");
        let error = KafkaConfig::directory("/nonexistent")
            .client_config()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nonexistent") && error.contains("bootstrap-servers"),
            "{error}"
        );
        let sasl = KafkaConfig {
            bootstrap_servers: Some("kafka:9092".into()),
            security_protocol: Some("SASL_SSL".into()),
            ..KafkaConfig::default()
        };
        assert!(
            sasl.client_config()
                .unwrap_err()
                .to_string()
                .contains("username")
        );
        let wrong = KafkaConfig {
            security_protocol: Some("TLS".into()),
            ..sasl
        };
        assert!(
            wrong
                .client_config()
                .unwrap_err()
                .to_string()
                .contains("\"TLS\"")
        );
    }
}
