//! Section `[kafka]`: where the cluster is and how to log in.

use std::path::{Path, PathBuf};

use common_config::{AppConfig, SecretRef};
use rdkafka::ClientConfig;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{connection::Connection, error::KafkaError};

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

    /// Cluster and login as they are now.
    ///
    /// # Errors
    /// `KafkaError::Config` or `KafkaError::Unreadable`.
    pub fn connection(&self) -> Result<Connection, KafkaError> {
        match &self.directory {
            Some(directory) => of_directory(directory),
            None => of_fields(self),
        }
    }

    /// Generation of the login: the number in the file `epoch` of the directory, or 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        let password = self.directory.as_ref().map(|path| path.join("password"));
        password.map_or(0, |file| SecretRef::file(file).epoch())
    }

    /// The settings of a client, with the login as it is now. Producers and consumers add their own.
    ///
    /// # Errors
    /// `KafkaError::Config` or `KafkaError::Unreadable`.
    pub fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        self.connection()?.client_config()
    }
}

fn of_directory(directory: &Path) -> Result<Connection, KafkaError> {
    let read = |name: &str| optional(&directory.join(name));
    let bootstrap_servers = read("bootstrap-servers")?.ok_or_else(|| {
        KafkaError::Config(format!(
            "{} has no file bootstrap-servers",
            directory.display()
        ))
    })?;
    Ok(Connection {
        bootstrap_servers,
        security_protocol: read("security-protocol")?,
        sasl_mechanism: read("sasl-mechanism")?,
        username: read("username")?,
        password: read("password")?.map(SecretString::from),
        ca_pem: read("ca.crt")?,
    })
}

fn of_fields(config: &KafkaConfig) -> Result<Connection, KafkaError> {
    let missing = || KafkaError::Config("directory or bootstrap_servers must be given".to_owned());
    let password = config.password.as_ref().map(SecretRef::read).transpose();
    let password = password.map_err(|error| KafkaError::Config(error.to_string()))?;
    let ca = config.ca_file.as_ref().map(|path| {
        std::fs::read_to_string(path).map_err(|source| KafkaError::Unreadable {
            path: path.clone(),
            source,
        })
    });
    Ok(Connection {
        bootstrap_servers: config.bootstrap_servers.clone().ok_or_else(missing)?,
        security_protocol: config.security_protocol.clone(),
        sasl_mechanism: config.sasl_mechanism.clone(),
        username: config.username.clone(),
        password,
        ca_pem: ca.transpose()?,
    })
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
    fn where_no_authority_is_named_those_of_browsers_count() {
        let config = KafkaConfig {
            bootstrap_servers: Some("kafka:9092".into()),
            security_protocol: Some("ssl".into()),
            ..KafkaConfig::default()
        };
        let client = config.client_config().unwrap();
        let authorities = client.get("ssl.ca.pem").unwrap_or_default();
        assert!(authorities.starts_with("-----BEGIN CERTIFICATE-----"));
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
