//! A Kafka cluster and a login, wherever they came from, as settings of a client.

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{authorities, error::KafkaError};

/// A Kafka cluster and a login, held in memory.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// `host:port[,host:port…]`.
    pub bootstrap_servers: String,
    /// `PLAINTEXT` (the default), `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub security_protocol: Option<String>,
    /// `SCRAM-SHA-512` (the default with SASL), `SCRAM-SHA-256` or `PLAIN`.
    pub sasl_mechanism: Option<String>,
    /// Login name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
    /// Certificate authority (PEM) that signed the brokers' certificates; those that browsers trust when there is none.
    pub ca_pem: Option<String>,
}

impl Connection {
    /// The same cluster with another login.
    #[must_use]
    pub fn with_login(&self, username: &str, password: SecretString) -> Self {
        Self {
            username: Some(username.to_owned()),
            password: Some(password),
            ..self.clone()
        }
    }

    /// The same login at one broker.
    #[must_use]
    pub fn at(&self, broker: &str) -> Self {
        Self {
            bootstrap_servers: broker.to_owned(),
            ..self.clone()
        }
    }

    /// The name that errors use: who, where.
    #[must_use]
    pub fn describe(&self) -> String {
        let servers = &self.bootstrap_servers;
        match &self.username {
            Some(username) => format!("{username} at {servers}"),
            None => servers.clone(),
        }
    }

    /// The settings of a client. Producers and consumers add their own.
    ///
    /// # Errors
    /// `KafkaError::Config` when a setting is missing or unknown.
    pub fn client_config(&self) -> Result<ClientConfig, KafkaError> {
        let protocol = self
            .security_protocol
            .as_deref()
            .unwrap_or("PLAINTEXT")
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
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("security.protocol", protocol);
        // A broker that moves is found again in seconds, not minutes.
        client
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        if tls {
            let named = self.ca_pem.as_deref();
            client.set("ssl.ca.pem", named.unwrap_or_else(|| authorities::public()));
        }
        if sasl {
            let (Some(username), Some(password)) = (&self.username, &self.password) else {
                return Err(KafkaError::Config(
                    "SASL needs a username and a password".to_owned(),
                ));
            };
            let mechanism = self.sasl_mechanism.as_deref().unwrap_or("SCRAM-SHA-512");
            client
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", username)
                .set("sasl.password", password.expose_secret());
        }
        Ok(client)
    }
}
