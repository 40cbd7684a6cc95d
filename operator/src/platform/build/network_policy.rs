//! Who talks to whom: nothing in and nothing out but what a role's logins, its callers and the operator need. The table of
//! the logins is [`Client::of`], from which the configuration files and the mounted Secrets come too.

use std::{collections::BTreeSet, net::IpAddr};

use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule,
        NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{
    Client,
    client::Place,
    container::PROBE_PORT,
    job::{migration_labels, migration_selector},
    object_name, service,
};
use crate::platform::{
    metadata::{metadata, selector},
    validate::{Role, ValidatedPlatform},
};

/// Where names are asked for.
const DNS: u16 = 53;

/// An address that pods may connect to. A policy cannot hold a name: `None` stands for every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Destination {
    host: Option<IpAddr>,
    port: u16,
}

/// `P-<role>` for each role that is on, and `P-migrate`. `brokers` are the addresses that Kafka's brokers tell of themselves.
#[must_use]
pub fn network_policies(p: &ValidatedPlatform, brokers: &[String]) -> Vec<NetworkPolicy> {
    let on = p.roles.iter().filter(|spec| !spec.is_off());
    let mut policies: Vec<_> = on
        .map(|spec| spec.role)
        .map(|role| NetworkPolicy {
            metadata: metadata(p, object_name(p, role), Some(role)),
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(select(selector(&p.name, Some(role)))),
                policy_types: Some(both_ways()),
                ingress: Some(ingress(p, role)),
                egress: Some(egress(p, Client::of(role), brokers)),
            }),
        })
        .collect();
    let mut migrate = metadata(p, migration_name(p), None);
    migrate.labels = Some(migration_labels(p));
    policies.push(NetworkPolicy {
        metadata: migrate,
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(select(migration_selector(p))),
            policy_types: Some(both_ways()),
            ingress: None,
            egress: Some(egress(p, Client::MIGRATION, brokers)),
        }),
    });
    policies
}

/// The names of all policies, also of roles that are off.
#[must_use]
pub fn network_policy_names(p: &ValidatedPlatform) -> Vec<String> {
    let roles = Role::ALL.into_iter().map(|role| object_name(p, role));
    roles.chain([migration_name(p)]).collect()
}

fn migration_name(p: &ValidatedPlatform) -> String {
    format!("{}-migrate", p.name)
}

fn both_ways() -> Vec<String> {
    vec!["Ingress".to_owned(), "Egress".to_owned()]
}

/// Requests from callers; probes from the operator and from those who read metrics. The kubelet needs no rule: what comes
/// from a pod's own node is always let in.
fn ingress(p: &ValidatedPlatform, role: Role) -> Vec<NetworkPolicyIngressRule> {
    let callers = &p.network_policy.ingress_namespaces;
    let requests = service::port(role).map(|port| NetworkPolicyIngressRule {
        from: (!callers.is_empty()).then(|| callers.iter().map(|name| namespace(name)).collect()),
        ports: Some(vec![tcp(port)]),
    });
    let operator = NetworkPolicyPeer {
        pod_selector: Some(select(
            [
                ("app.kubernetes.io/name", "crewdeck"),
                ("app.kubernetes.io/component", "operator"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        )),
        ..namespace(&p.operator_namespace)
    };
    let monitoring = &p.network_policy.monitoring_namespaces;
    let from = [operator]
        .into_iter()
        .chain(monitoring.iter().map(|name| namespace(name)));
    let probes = NetworkPolicyIngressRule {
        from: Some(from.collect()),
        ports: Some(vec![tcp(PROBE_PORT)]),
    };
    requests.into_iter().chain([probes]).collect()
}

/// Names, and the servers of these logins.
fn egress(
    p: &ValidatedPlatform,
    clients: &[Client],
    brokers: &[String],
) -> Vec<NetworkPolicyEgressRule> {
    let dns = NetworkPolicyEgressRule {
        to: None,
        ports: Some(vec![port("UDP", DNS.into()), port("TCP", DNS.into())]),
    };
    let servers: BTreeSet<Destination> = clients
        .iter()
        .flat_map(|client| destinations(p, client.place(), brokers))
        .collect();
    let servers = servers.into_iter().map(|server| NetworkPolicyEgressRule {
        to: server.host.map(|host| vec![exactly(host)]),
        ports: Some(vec![tcp(server.port.into())]),
    });
    [dns].into_iter().chain(servers).collect()
}

/// The addresses of a server.
fn destinations(p: &ValidatedPlatform, place: Place, brokers: &[String]) -> Vec<Destination> {
    let at = |host: &str, port: u16| Destination {
        host: host.trim_matches(['[', ']']).parse().ok(),
        port,
    };
    let primary = || at(&p.postgres.host, p.postgres.port);
    match place {
        Place::Primary => vec![primary()],
        Place::Replica => {
            let replica = p.postgres.replica.as_ref();
            vec![replica.map_or_else(primary, |(host, port)| at(host, *port))]
        }
        Place::Redis => vec![at(&p.redis.host, p.redis.port)],
        Place::Kafka => {
            let split = |address: &str| {
                let (host, port) = address.trim().rsplit_once(':')?;
                Some(at(host, port.parse().ok()?))
            };
            let named = p.kafka.bootstrap_servers.split(',').filter_map(split);
            let mut all: Vec<_> = named.collect();
            for broker in brokers.iter().filter_map(|address| split(address)) {
                // A broker that is away is not told: those that come and go are let through by their port alone.
                if !all.contains(&broker) {
                    all.push(Destination {
                        host: None,
                        ..broker
                    });
                }
            }
            all
        }
    }
}

fn exactly(host: IpAddr) -> NetworkPolicyPeer {
    let bits = if host.is_ipv4() { 32 } else { 128 };
    NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: format!("{host}/{bits}"),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    }
}

/// Every pod of a namespace.
fn namespace(name: &str) -> NetworkPolicyPeer {
    let label = "kubernetes.io/metadata.name".to_owned();
    NetworkPolicyPeer {
        namespace_selector: Some(select([(label, name.to_owned())])),
        ..NetworkPolicyPeer::default()
    }
}

fn select(labels: impl IntoIterator<Item = (String, String)>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels.into_iter().collect()),
        ..LabelSelector::default()
    }
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number)),
        end_port: None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::platform::validate::{Scale, sample::sample};

    fn yaml(policy: &NetworkPolicy) -> String {
        serde_yaml::to_string(policy).expect("objects are YAML")
    }

    fn of(p: &ValidatedPlatform, name: &str, brokers: &[&str]) -> NetworkPolicy {
        let brokers: Vec<String> = brokers.iter().map(|&broker| broker.to_owned()).collect();
        network_policies(p, &brokers)
            .into_iter()
            .find(|policy| policy.metadata.name.as_deref() == Some(name))
            .expect("a policy")
    }

    /// Where a policy lets its pods connect to, besides names.
    fn servers(policy: &NetworkPolicy) -> Vec<String> {
        let rules = policy.spec.as_ref().and_then(|spec| spec.egress.as_ref());
        let rules = rules.expect("rules").iter().skip(1);
        rules
            .map(|rule| {
                let host = rule.to.as_ref().map_or("*", |to| {
                    let block = to[0].ip_block.as_ref();
                    block.map_or("?", |block| &block.cidr)
                });
                let Some(IntOrString::Int(port)) =
                    rule.ports.as_ref().and_then(|ports| ports[0].port.clone())
                else {
                    panic!("a port: {rule:?}");
                };
                format!("{host}:{port}")
            })
            .collect()
    }

    #[test]
    fn two_of_them_in_whole() {
        let p = sample();
        insta::assert_snapshot!("analytics", yaml(&of(&p, "demo-analytics", &[])));
        insta::assert_snapshot!("migrate", yaml(&of(&p, "demo-migrate", &[])));
    }

    /// The sample has the primary at 5432, the replica at 5433, Redis at 6379 and Kafka at 9092.
    #[rstest]
    #[case("web", &[5432, 6379])]
    #[case("worker", &[5432, 9092])]
    #[case("beat", &[5432])]
    #[case("realtime", &[5432, 6379, 9092])]
    #[case("analytics", &[5432, 5433, 6379])]
    #[case("analytics-worker", &[5432, 9092])]
    #[case("migrate", &[5432])]
    fn each_role_reaches_its_own_servers_only(#[case] role: &str, #[case] ports: &[u16]) {
        let expected: Vec<String> = ports.iter().map(|port| format!("*:{port}")).collect();
        let policy = of(&sample(), &format!("demo-{role}"), &[]);
        assert_eq!(servers(&policy), expected);
    }

    #[test]
    fn an_address_is_let_through_alone_and_a_name_by_its_port() {
        let mut p = sample();
        p.postgres.host = "10.1.2.3".to_owned();
        p.redis.host = "fd00::7".to_owned();
        p.kafka.bootstrap_servers = "10.0.0.1:9092, kafka.example.org:9094".to_owned();
        assert_eq!(
            servers(&of(&p, "demo-realtime", &["10.0.0.1:9092"])),
            [
                "*:9094",
                "10.0.0.1/32:9092",
                "10.1.2.3/32:5432",
                "fd00::7/128:6379"
            ]
        );
    }

    #[test]
    fn brokers_that_the_secret_does_not_name_are_reached_too() {
        let brokers = ["b-1.example.org:19092", "10.0.0.9:29092", "kafka:9092"];
        assert_eq!(
            servers(&of(&sample(), "demo-worker", &brokers)),
            ["*:5432", "*:9092", "*:19092", "*:29092"]
        );
    }

    #[test]
    fn without_a_replica_analytics_reads_on_the_primary() {
        let mut p = sample();
        p.postgres.replica = None;
        assert_eq!(
            servers(&of(&p, "demo-analytics", &[])),
            ["*:5432", "*:6379"]
        );
    }

    #[test]
    fn callers_can_be_held_to_namespaces() {
        let mut p = sample();
        p.network_policy.ingress_namespaces = vec!["edge".to_owned()];
        p.network_policy.monitoring_namespaces.clear();
        insta::assert_snapshot!("web_behind_edge", yaml(&of(&p, "demo-web", &[])));
    }

    #[test]
    fn every_policy_has_its_name_in_the_list() {
        let mut p = sample();
        let names: Vec<_> = network_policies(&p, &[])
            .into_iter()
            .filter_map(|policy| policy.metadata.name)
            .collect();
        assert_eq!(names, network_policy_names(&p));
        let realtime = p.roles.iter_mut().find(|spec| spec.role == Role::Realtime);
        realtime.expect("a role").scale = Scale::Fixed(0);
        let names = network_policies(&p, &[]);
        let names = names
            .iter()
            .filter_map(|policy| policy.metadata.name.as_deref());
        let missing: Vec<_> = network_policy_names(&p)
            .into_iter()
            .filter(|name| names.clone().all(|made| made != name))
            .collect();
        assert_eq!(missing, ["demo-realtime"]);
    }
}
