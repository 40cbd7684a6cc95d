//! The cluster that is asked: from the kubeconfig to a client. The only reader of it.

use std::time::Duration;

use common_clock::SharedClock;
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::{Error, Global, error::with_sources};

/// How long the API server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_mins(1);

/// A cluster, a namespace and the time.
pub(super) struct Session {
    /// The API server.
    pub(super) client: Client,
    /// Where the Platform is.
    pub(super) namespace: String,
    /// The time of this machine.
    pub(super) clock: SharedClock,
}

impl Session {
    /// The cluster that was named. Whoever `follows` a log may wait for its next line without an end.
    pub(super) async fn open(
        global: &Global,
        clock: SharedClock,
        follows: bool,
    ) -> Result<Self, Error> {
        let mut config = config(global).await.map_err(Error::NoCluster)?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = (!follows).then_some(ANSWER);
        config.reset_reader_on_write = true;
        let namespace = global
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| Error::Unreachable {
            what: "cannot use the kubeconfig".to_owned(),
            why: with_sources(&error),
            remedy: "Look at its certificates and logins: kubectl config view",
        })?;
        Ok(Self {
            client,
            namespace,
            clock,
        })
    }

    /// Now, in whole seconds.
    pub(super) fn now(&self) -> Timestamp {
        // Every moment of a clock is within the years of a timestamp.
        Timestamp::from_second(self.clock.now().timestamp()).unwrap_or_default()
    }
}

/// What the flags name; else what kubectl would use; else, inside a pod, its own cluster.
async fn config(global: &Global) -> Result<Config, KubeconfigError> {
    let options = KubeConfigOptions {
        context: global.context.clone(),
        ..KubeConfigOptions::default()
    };
    if let Some(file) = &global.kubeconfig {
        return Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await;
    }
    match Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        Err(error) if global.context.is_none() => Config::incluster().map_err(|_| error),
        Err(error) => Err(error),
    }
}
