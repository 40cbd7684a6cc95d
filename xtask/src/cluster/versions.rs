//! The versions of what the cluster runs, of record. The Go module and the `pom.xml` under `tests/cluster/` pin the
//! same ones; a test compares them.
//!
//! The programs in Go are of the same months, so that one module holds them all and what they share, Kubernetes' own
//! libraries first, is compiled once: little over half as many packages as with a module each.

pub(crate) const KUBERNETES: &str = "1.36.3";
pub(crate) const ETCD: &str = "3.6.16";
pub(crate) const CONTAINERD: &str = "2.3.6";
pub(crate) const COREDNS: &str = "1.14.7";
pub(crate) const METRICS_SERVER: &str = "0.9.0";
pub(crate) const HELM: &str = "4.2.4";
pub(crate) const GATEWAY_API: &str = "1.4.0";
pub(crate) const KAFKA: &str = "4.4.0";
/// The image of a pod's sandbox: Debian's `catatonit` of this version.
pub(crate) const PAUSE: &str = "0.1.7";
/// The major version of Debian's PostgreSQL.
pub(crate) const POSTGRES: &str = "15";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::paths;

    #[test]
    fn the_modules_pin_the_same_versions() {
        let pinned = [
            ("go/go.mod", format!("k8s.io/kubernetes v{KUBERNETES}")),
            ("go/go.mod", format!("go.etcd.io/etcd/server/v3 v{ETCD}")),
            (
                "go/go.mod",
                format!("github.com/containerd/containerd/v2 v{CONTAINERD}"),
            ),
            (
                "go/go.mod",
                format!("github.com/coredns/coredns v{COREDNS}"),
            ),
            (
                "go/go.mod",
                format!("sigs.k8s.io/metrics-server v{METRICS_SERVER}"),
            ),
            ("go/go.mod", format!("helm.sh/helm/v4 v{HELM}")),
            (
                "kafka/pom.xml",
                format!("<kafka.version>{KAFKA}</kafka.version>"),
            ),
        ];
        for (file, words) in pinned {
            let text = std::fs::read_to_string(paths::source(file)).expect("the file is committed");
            assert!(text.contains(&words), "{file} does not name {words}");
        }
    }
}
