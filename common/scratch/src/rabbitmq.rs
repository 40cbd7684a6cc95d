//! A RabbitMQ of our own, for the one transport that the local cluster has no server for.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    Folder, Package,
    port::{answers_in, free_port},
    server::Server,
    user::give,
};

const USER: &str = "rabbitmq";

/// A running broker with the guest account, reachable from loopback only.
#[derive(Debug)]
pub struct RabbitMq {
    port: u16,
    // Dropped in this order: the broker, its port mapper, its files.
    _server: Server,
    _mapper: Server,
    _folder: Folder,
}

impl RabbitMq {
    /// Where it comes from.
    pub const PACKAGE: Package = Package {
        file: "/usr/lib/rabbitmq/bin/rabbitmq-server",
        name: "rabbitmq-server",
    };

    /// Starts it in a network namespace and waits until it answers there.
    ///
    /// # Errors
    /// When the program is not installed, or does not start; the error has the end of its log.
    pub fn start_in(namespace: &Path) -> Result<Self> {
        Self::PACKAGE.require()?;
        let folder = Folder::new("rabbitmq")?;
        let port = free_port()?;
        let distribution = free_port()?;
        let mapper_port = free_port()?;
        // Erlang would start a port mapper that outlives the broker; with ours running it does not.
        let mut mapper = Server::start_in(
            namespace,
            "Erlang's port mapper",
            USER,
            folder.path().join("mapper.log"),
            Command::new("/usr/bin/epmd").args([
                "-address",
                "127.0.0.1",
                "-port",
                &mapper_port.to_string(),
            ]),
        )?;
        mapper.wait(Duration::from_secs(10), || {
            answers_in(namespace, mapper_port)
        })?;
        fs::write(
            folder.path().join("rabbitmq.conf"),
            format!(
                "listeners.tcp.default = 127.0.0.1:{port}\nlog.file = false\nlog.console = true\n"
            ),
        )?;
        fs::write(folder.path().join("enabled_plugins"), "[].\n")?;
        give(folder.path(), USER)?;
        let log = folder.path().join("log");
        let mut command = Command::new(Self::PACKAGE.file);
        command
            .env("HOME", folder.path())
            .env("RABBITMQ_NODENAME", format!("crewdeck{port}@localhost"))
            .env("RABBITMQ_BASE", folder.path())
            .env("RABBITMQ_MNESIA_BASE", folder.path().join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.path().join("logs"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_PID_FILE", folder.path().join("pid"))
            .env("RABBITMQ_CONFIG_FILE", folder.path().join("rabbitmq.conf"))
            .env(
                "RABBITMQ_ENABLED_PLUGINS_FILE",
                folder.path().join("enabled_plugins"),
            )
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("ERL_EPMD_PORT", mapper_port.to_string())
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            );
        let mut server = Server::start_in(namespace, "RabbitMQ", USER, log, &command)?;
        server
            .wait(Duration::from_secs(90), || answers_in(namespace, port))
            .context("the broker of the transport tests")?;
        Ok(Self {
            port,
            _server: server,
            _mapper: mapper,
            _folder: folder,
        })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }
}
