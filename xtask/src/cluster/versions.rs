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

    fn text(file: &str) -> String {
        std::fs::read_to_string(paths::source(file)).expect("the file is committed")
    }

    #[test]
    fn the_module_and_the_pom_pin_the_same_versions() {
        let module = text("go/go.mod");
        let pins: Vec<&str> = module
            .lines()
            .map(|line| line.trim_start_matches("require ").trim())
            .map(|line| line.trim_end_matches(" // indirect"))
            .collect();
        for pin in [
            format!("k8s.io/kubernetes v{KUBERNETES}"),
            format!("go.etcd.io/etcd/server/v3 v{ETCD}"),
            format!("github.com/containerd/containerd/v2 v{CONTAINERD}"),
            format!("github.com/coredns/coredns v{COREDNS}"),
            format!("sigs.k8s.io/metrics-server v{METRICS_SERVER}"),
            format!("helm.sh/helm/v4 v{HELM}"),
        ] {
            assert!(pins.contains(&pin.as_str()), "go.mod does not pin {pin}");
        }
        let kafka = format!("<kafka.version>{KAFKA}</kafka.version>");
        assert!(text("kafka/pom.xml").contains(&kafka), "pom.xml: {kafka}");
    }

    /// Kubernetes is compiled with what is written beside it in its own repository, which has another number.
    #[test]
    fn kubernetes_has_its_own_libraries() {
        let libraries = format!("v0.{}", KUBERNETES.trim_start_matches("1."));
        let module = text("go/go.mod");
        let replaced: Vec<&str> = module
            .lines()
            .filter(|line| line.contains(" => k8s.io/"))
            .collect();
        assert!(replaced.len() > 20, "{replaced:?}");
        for line in replaced {
            assert_eq!(line.rsplit(' ').next(), Some(libraries.as_str()), "{line}");
        }
    }
}
