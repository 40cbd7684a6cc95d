//! The cluster without its operator, so that a test can be it, or see what becomes of things meanwhile.

use anyhow::{Result, ensure};
use std::time::Duration;
use tests::{cluster::Cluster, wait::wait_for};

const NAMESPACE: &str = "crewdeck-system";
const DEPLOYMENT: &str = "deployment/crewdeck-operator";
const PODS: &str = "app.kubernetes.io/component=operator";

/// The operator of the cluster is away until this is dropped, whatever becomes of the test.
pub(crate) struct Away<'a> {
    cluster: &'a Cluster,
    replicas: String,
    back: bool,
}

impl<'a> Away<'a> {
    /// Sends it away, and waits until its last pod is gone.
    pub(crate) async fn send(cluster: &'a Cluster) -> Result<Self> {
        let replicas = kubectl(
            cluster,
            &["get", DEPLOYMENT, "-o", "jsonpath={.spec.replicas}"],
        )?;
        // None is what an earlier run left that was killed.
        let replicas = if replicas == "0" {
            "1".to_owned()
        } else {
            replicas
        };
        let away = Self {
            cluster,
            replicas,
            back: false,
        };
        away.scale("0")?;
        wait_for("the operator is away", Duration::from_mins(1), async || {
            let pods = cluster.pods(NAMESPACE, PODS).await?;
            ensure!(pods.is_empty(), "{} pods are left", pods.len());
            Ok(())
        })
        .await?;
        Ok(away)
    }

    /// Has it back, Ready.
    pub(crate) fn end(mut self) -> Result<()> {
        self.come_back()
    }

    fn come_back(&mut self) -> Result<()> {
        if self.back {
            return Ok(());
        }
        self.back = true;
        self.scale(&self.replicas)?;
        let status = ["rollout", "status", DEPLOYMENT, "--timeout=2m"];
        kubectl(self.cluster, &status).map(drop)
    }

    fn scale(&self, replicas: &str) -> Result<()> {
        let replicas = format!("--replicas={replicas}");
        kubectl(self.cluster, &["scale", DEPLOYMENT, &replicas]).map(drop)
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        // A cluster without an operator fails every test after this one; so does one whose operator does not come back.
        let _ = self.come_back();
    }
}

fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let mut all = vec!["-n", NAMESPACE];
    all.extend(arguments);
    cluster.kubectl(&all)
}
