//! The network policies of the sample platform, held against the connections that its roles really make. The network of the
//! local cluster does not enforce policies, so what they would do is computed.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    core::v1::{Namespace, Node, Pod},
    networking::v1::NetworkPolicy,
};
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::json;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use tests::{
    client::Api as Client,
    cluster::Cluster,
    platform::Platform,
    policies::{End, Labels, Policies, Way},
    socket::Socket,
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

/// What each role is seen to be connected to at least, when somebody works with the platform: each of its logins.
const SEEN: &[(&str, u16)] = &[
    ("web", PRIMARY),
    ("web", REDIS),
    ("worker", PRIMARY),
    ("worker", KAFKA),
    ("beat", PRIMARY),
    ("realtime", PRIMARY),
    ("realtime", REDIS),
    ("realtime", KAFKA),
    ("analytics", PRIMARY),
    ("analytics", REPLICA),
    ("analytics", REDIS),
    ("analytics-worker", PRIMARY),
    ("analytics-worker", KAFKA),
];

/// How long each piece of that work may take.
const WORK: Duration = Duration::from_secs(30);

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

/// Somebody signs in, makes a task, opens a socket with a ticket and reads a summary: what roles connect to for work alone is
/// there then. The socket stays open until it is dropped.
async fn somebody_works(world: &World) -> Result<Socket> {
    let World {
        cluster, platform, ..
    } = world;
    let address = async |role: &str| {
        cluster
            .address(&platform.namespace, &platform.name, role)
            .await
    };
    let status = &cluster.status;
    let person = Client::anonymous(&address("web").await?)?
        .log_in(&status.login, &status.password)
        .await?;
    let team = json!({"name": "At every server"});
    let team = person.post("/api/v1/teams", &team).await?.data(201)?;
    let task = json!({"team_id": team["id"], "title": "Through every server"});
    person.post("/api/v1/tasks", &task).await?.data(201)?;
    let ticket = person.post("/api/v1/realtime/tickets", &json!({})).await?;
    let ticket = ticket.body["data"]["ticket"].as_str().context("a ticket")?;
    let realtime = address("realtime").await?;
    let mut socket = Socket::open(&realtime, ticket, None).await?;
    socket
        .next(WORK, |frame| frame["type"] == "hello")
        .await
        .context("a socket that is let in")?;
    let analytics = person.at(&address("analytics").await?);
    let id = team["id"].as_str().context("a team has an id")?;
    let summary = format!("/api/v1/analytics/teams/{id}/summary");
    // The replica learns of the team a moment later.
    wait_for("the team's summary", WORK, async || {
        analytics.get(&summary).await?.data(200).map(drop)
    })
    .await?;
    Ok(socket)
}

#[tokio::test]
async fn e2e_network_policies_allow_every_connection_that_is_made() -> Result<()> {
    let world = World::new().await?;
    let _socket = somebody_works(&world).await?;
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
    // A Job that migrates is not there to be looked at.
    let primary = End::Outside(world.cluster.status.backends.postgres.host.parse()?);
    ensure!(
        world.allow("migrate", Way::Out, &primary, PRIMARY),
        "a migration would be cut off"
    );
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
