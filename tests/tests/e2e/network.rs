//! The network policies of the sample platform, held against the connections that its roles really make. The network of the
//! local cluster does not enforce policies, so what they would do is computed.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    core::v1::{Namespace, Node, Pod},
    networking::v1::NetworkPolicy,
};
use kube::{Api, ResourceExt as _, api::ListParams};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use tests::{
    cluster::Cluster,
    platform::Platform,
    policies::{End, Labels, Policies, Way},
    sockets::{self, Connection},
    wait::wait_for,
};

/// The ports of the servers.
const PRIMARY: u16 = 5432;
const REPLICA: u16 = 5433;
const REDIS: u16 = 6379;
const KAFKA: u16 = 9092;
/// Requests and probes.
const WEB: u16 = 8000;
const PROBES: u16 = 9000;

/// What each role is seen to be connected to at least: it waits there for work.
const SEEN: &[(&str, u16)] = &[
    ("worker", PRIMARY),
    ("worker", KAFKA),
    ("beat", PRIMARY),
    ("realtime", KAFKA),
    ("analytics-worker", KAFKA),
];

/// Where no role of the name may connect to.
const FORBIDDEN: &[(&str, &[u16])] = &[
    ("web", &[REPLICA, KAFKA]),
    ("worker", &[REPLICA, REDIS]),
    ("beat", &[REPLICA, REDIS, KAFKA]),
    ("realtime", &[REPLICA]),
    ("analytics", &[KAFKA]),
    ("analytics-worker", &[REPLICA, REDIS]),
    ("migrate", &[REPLICA, REDIS, KAFKA]),
];

/// Everybody and everything of the cluster, by address.
struct World {
    cluster: Cluster,
    platform: Platform,
    policies: Vec<NetworkPolicy>,
    namespaces: BTreeMap<String, Labels>,
    pods: Vec<Pod>,
    /// Addresses of the nodes: what comes from a pod's own node is always let in.
    nodes: BTreeSet<IpAddr>,
}

impl World {
    async fn new() -> Result<Self> {
        let cluster = Cluster::connect().await?;
        let platform = Platform::ready_sample(&cluster).await?;
        let all = ListParams::default();
        let policies = Api::namespaced(cluster.kube.clone(), &platform.namespace)
            .list(&all)
            .await?
            .items;
        let namespaces = Api::<Namespace>::all(cluster.kube.clone())
            .list(&all)
            .await?;
        let namespaces = namespaces
            .into_iter()
            .map(|namespace| (namespace.name_any(), namespace.labels().clone()))
            .collect();
        let nodes = Api::<Node>::all(cluster.kube.clone()).list(&all).await?;
        let pods = Api::<Pod>::all(cluster.kube.clone())
            .list(&all)
            .await?
            .items;
        Ok(Self {
            cluster,
            platform,
            policies,
            namespaces,
            nodes: nodes
                .iter()
                .flat_map(addresses)
                .chain(pods.iter().filter_map(bridge))
                .collect(),
            pods,
        })
    }

    fn allow(&self, role: &str, way: Way, other: &End, port: u16) -> bool {
        let policies = Policies {
            namespace: &self.platform.namespace,
            policies: &self.policies,
        };
        policies.allow(&self.labels(role), way, other, "TCP", port)
    }

    /// The labels by which a role's pods are selected.
    fn labels(&self, role: &str) -> Labels {
        [
            ("app.kubernetes.io/part-of", "crewdeck"),
            ("app.kubernetes.io/instance", &self.platform.name),
            ("app.kubernetes.io/component", role),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// Who has this address.
    fn at(&self, ip: IpAddr) -> Result<End> {
        let text = ip.to_string();
        let has = |pod: &&Pod| {
            let status = pod.status.as_ref();
            status.and_then(|status| status.pod_ip.as_ref()) == Some(&text)
        };
        match self.pods.iter().find(has) {
            Some(pod) => self.pod(pod),
            None => Ok(End::Outside(ip)),
        }
    }

    fn pod(&self, pod: &Pod) -> Result<End> {
        let namespace = pod.namespace().context("a pod has a namespace")?;
        let namespace_labels = self.namespaces.get(&namespace);
        Ok(End::Pod {
            namespace_labels: namespace_labels.cloned().unwrap_or_default(),
            labels: pod.labels().clone(),
            namespace,
        })
    }

    /// The connections of each role's pods now.
    async fn connections(&self) -> Result<BTreeSet<(String, Connection)>> {
        let pods = self
            .cluster
            .pods(&self.platform.namespace, &self.platform.labels())
            .await?;
        let mut found = BTreeSet::new();
        for pod in pods {
            let running = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            if running != Some("Running") {
                continue;
            }
            let role = pod.labels()["app.kubernetes.io/component"].clone();
            let connections = sockets::connections(&pod.name_any())?;
            found.extend(connections.into_iter().map(|found| (role.clone(), found)));
        }
        Ok(found)
    }
}

/// A node's own addresses.
fn addresses(node: &Node) -> Vec<IpAddr> {
    let status = node.status.iter().flat_map(|status| &status.addresses);
    status
        .flatten()
        .filter_map(|address| address.address.parse().ok())
        .collect()
}

/// The address under which a pod's node calls it: the first of the node's range of 256.
fn bridge(pod: &Pod) -> Option<IpAddr> {
    let ip: Ipv4Addr = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let [a, b, c, _] = ip.octets();
    Some(Ipv4Addr::new(a, b, c, 1).into())
}

#[tokio::test]
async fn e2e_network_policies_allow_every_connection_that_is_made() -> Result<()> {
    let world = World::new().await?;
    let all = RefCell::new(BTreeSet::new());
    wait_for(
        "each role at its servers",
        Duration::from_mins(1),
        async || {
            let now = world.connections().await?;
            let mut all = all.borrow_mut();
            all.extend(now);
            for (role, port) in SEEN {
                let is_there = |(of, found): &(String, Connection)| {
                    of == role && !found.inward && found.port == *port
                };
                ensure!(all.iter().any(is_there), "{role} at {port}: {all:?}");
            }
            Ok(())
        },
    )
    .await?;
    let all = all.into_inner();
    for (role, connection) in &all {
        if connection.inward && world.nodes.contains(&connection.other) {
            continue;
        }
        let way = if connection.inward { Way::In } else { Way::Out };
        let other = world.at(connection.other)?;
        ensure!(
            world.allow(role, way, &other, connection.port),
            "{role} would be cut off: {connection:?} with {other:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn e2e_network_policies_deny_what_no_role_needs() -> Result<()> {
    let world = World::new().await?;
    let host: IpAddr = world.cluster.status.backends.postgres.host.parse()?;
    let server = End::Outside(host);
    for (role, ports) in FORBIDDEN {
        for port in *ports {
            ensure!(
                !world.allow(role, Way::Out, &server, *port),
                "{role} at {port}"
            );
        }
        // The API server, the cloud's metadata, the internet.
        for (ip, port) in [(host, 6443), ([169, 254, 169, 254].into(), 80), (host, 443)] {
            let other = End::Outside(ip);
            ensure!(
                !world.allow(role, Way::Out, &other, port),
                "{role} at {ip}:{port}"
            );
        }
    }

    let stranger = End::Pod {
        namespace: "strangers".to_owned(),
        namespace_labels: BTreeMap::from([(
            "kubernetes.io/metadata.name".to_owned(),
            "strangers".to_owned(),
        )]),
        labels: BTreeMap::new(),
    };
    let is_operator = |pod: &&Pod| {
        pod.labels().get("app.kubernetes.io/component") == Some(&"operator".to_owned())
    };
    let operator = world.pods.iter().find(is_operator);
    let operator = world.pod(operator.context("the operator")?)?;
    for (role, _) in FORBIDDEN {
        ensure!(
            !world.allow(role, Way::In, &stranger, PROBES),
            "{role}: probes"
        );
        ensure!(
            world.allow(role, Way::In, &operator, PROBES) == (*role != "migrate"),
            "{role}: the operator"
        );
        ensure!(
            world.allow(role, Way::In, &stranger, WEB) == (*role == "web"),
            "{role}: requests"
        );
    }
    Ok(())
}
