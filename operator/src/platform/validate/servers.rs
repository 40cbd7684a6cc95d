//! The servers, as the Secrets of the Platform's namespace name them: endpoint and admin login together.

use secrecy::SecretString;

/// Whether and how a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Certificate and host name are checked.
    Verify,
    /// Plain text; only when the Secret says `insecureTransport: "true"`.
    Disabled,
}

/// A PostgreSQL primary, its replica if there is one, and the admin login for both.
#[derive(Debug, Clone)]
pub struct PostgresServer {
    /// Host of the primary.
    pub host: String,
    /// Port of the primary.
    pub port: u16,
    /// Host and port of the streaming replica.
    pub replica: Option<(String, u16)>,
    /// Admin login.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Database to connect to for administration.
    pub database: String,
    /// Certificate of the authority that signed the servers', PEM.
    pub ca_pem: Option<String>,
    /// Encryption.
    pub tls: Tls,
}

impl PostgresServer {
    /// Stands where a Platform is looked at whose own is not known. Nobody connects to it.
    pub(crate) fn nowhere() -> Self {
        Self {
            host: String::new(),
            port: 0,
            replica: None,
            username: String::new(),
            password: SecretString::default(),
            database: String::new(),
            ca_pem: None,
            tls: Tls::Verify,
        }
    }
}

/// A Redis server and its admin login.
#[derive(Debug, Clone)]
pub struct RedisServer {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Admin login.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Certificate of the authority that signed the server's, PEM.
    pub ca_pem: Option<String>,
    /// Encryption.
    pub tls: Tls,
}

impl RedisServer {
    /// Stands where a Platform is looked at whose own is not known. Nobody connects to it.
    pub(crate) fn nowhere() -> Self {
        Self {
            host: String::new(),
            port: 0,
            username: String::new(),
            password: SecretString::default(),
            ca_pem: None,
            tls: Tls::Verify,
        }
    }
}

/// A Kafka cluster and its admin login.
#[derive(Debug, Clone)]
pub struct KafkaCluster {
    /// `host:port,…`.
    pub bootstrap_servers: String,
    /// Admin login.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// `SCRAM-SHA-512`.
    pub sasl_mechanism: String,
    /// `SASL_SSL`, or `SASL_PLAINTEXT` when the Secret allows it.
    pub security_protocol: String,
    /// Certificate of the authority that signed the brokers', PEM.
    pub ca_pem: Option<String>,
}

impl KafkaCluster {
    /// Stands where a Platform is looked at whose own is not known. Nobody connects to it.
    pub(crate) fn nowhere() -> Self {
        Self {
            bootstrap_servers: String::new(),
            username: String::new(),
            password: SecretString::default(),
            sasl_mechanism: String::new(),
            security_protocol: String::new(),
            ca_pem: None,
        }
    }
}
