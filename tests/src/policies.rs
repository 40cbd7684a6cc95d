//! What `NetworkPolicy` objects let through, by the words of the API's documentation. For a cluster whose network does not
//! enforce them, such as the local one: the policies are held against connections that are really made.

use k8s_openapi::{
    api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use std::{collections::BTreeMap, net::IpAddr};

/// Labels of a pod or a namespace.
pub type Labels = BTreeMap<String, String>;

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A pod of the cluster. It is chosen by labels alone: whether a block of addresses matches pods is left open.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Labels of its namespace.
        namespace_labels: Labels,
        /// Its labels.
        labels: Labels,
    },
    /// Anything else.
    Outside(IpAddr),
}

/// Which way a connection goes, seen from the pod that is shut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the pod.
    In,
    /// From the pod.
    Out,
}

/// The policies of a namespace.
pub struct Policies<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// Its policies.
    pub policies: &'a [NetworkPolicy],
}

impl Policies<'_> {
    /// Whether a pod of the namespace with these labels may be connected with `other`; `port` is where the connection
    /// arrives. No policy for the pod and way lets everything through; several let through what one of them does.
    #[must_use]
    pub fn allow(&self, pod: &Labels, way: Way, other: &End, protocol: &str, port: u16) -> bool {
        let mut of_pod = self
            .policies
            .iter()
            .filter_map(|policy| policy.spec.as_ref())
            .filter(|spec| {
                let selector = spec.pod_selector.as_ref();
                selector.is_none_or(|selector| selects(selector, pod))
            })
            .filter(|spec| match (way, &spec.policy_types) {
                (Way::In, None) => true,
                (Way::Out, None) => spec.egress.is_some(),
                (Way::In, Some(types)) => types.iter().any(|word| word == "Ingress"),
                (Way::Out, Some(types)) => types.iter().any(|word| word == "Egress"),
            })
            .peekable();
        if of_pod.peek().is_none() {
            return true;
        }
        of_pod.any(|spec| match way {
            Way::In => spec.ingress.iter().flatten().any(|rule| {
                self.names(rule.from.as_deref(), other)
                    && opens(rule.ports.as_deref(), protocol, port)
            }),
            Way::Out => spec.egress.iter().flatten().any(|rule| {
                self.names(rule.to.as_deref(), other)
                    && opens(rule.ports.as_deref(), protocol, port)
            }),
        })
    }

    /// Whether a list of peers has this one; none and an empty list have everybody.
    fn names(&self, peers: Option<&[NetworkPolicyPeer]>, other: &End) -> bool {
        let peers = peers.unwrap_or_default();
        peers.is_empty() || peers.iter().any(|peer| self.is(peer, other))
    }

    fn is(&self, peer: &NetworkPolicyPeer, other: &End) -> bool {
        match other {
            End::Outside(ip) => peer.ip_block.as_ref().is_some_and(|block| {
                holds(&block.cidr, *ip)
                    && !block.except.iter().flatten().any(|cidr| holds(cidr, *ip))
            }),
            End::Pod {
                namespace,
                namespace_labels,
                labels,
            } => {
                let of_namespace = match &peer.namespace_selector {
                    Some(selector) => selects(selector, namespace_labels),
                    None => namespace == self.namespace,
                };
                let of_pod = match &peer.pod_selector {
                    Some(selector) => selects(selector, labels),
                    // Without either selector the peer is a block of addresses.
                    None => peer.namespace_selector.is_some(),
                };
                of_namespace && of_pod
            }
        }
    }
}

/// Whether a list of ports has this one; none and an empty list have every port. A port by name is none.
fn opens(ports: Option<&[NetworkPolicyPort]>, protocol: &str, port: u16) -> bool {
    let ports = ports.unwrap_or_default();
    ports.is_empty()
        || ports.iter().any(|rule| {
            let last = rule.end_port;
            rule.protocol.as_deref().unwrap_or("TCP") == protocol
                && match rule.port {
                    None => true,
                    Some(IntOrString::Int(first)) => {
                        (first..=last.unwrap_or(first)).contains(&i32::from(port))
                    }
                    Some(IntOrString::String(_)) => false,
                }
        })
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let same = selector
        .match_labels
        .iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    same && selector.match_expressions.iter().flatten().all(|rule| {
        let value = labels.get(&rule.key);
        let listed = |value: &String| rule.values.as_ref().is_some_and(|all| all.contains(value));
        match rule.operator.as_str() {
            "In" => value.is_some_and(listed),
            "NotIn" => !value.is_some_and(listed),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    })
}

/// Whether a block such as `10.0.0.0/8` has this address.
fn holds(cidr: &str, ip: IpAddr) -> bool {
    let Some((base, bits)) = cidr.split_once('/') else {
        return false;
    };
    let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (base, ip) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => {
            let rest = 32_u32.saturating_sub(bits);
            u64::from(u32::from(base)) >> rest == u64::from(u32::from(ip)) >> rest
        }
        (IpAddr::V6(base), IpAddr::V6(ip)) => {
            let rest = 128_u32.saturating_sub(bits);
            let cut = |ip| u128::from(ip).checked_shr(rest).unwrap_or_default();
            cut(base) == cut(ip)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// A pod `app=<app>` of a namespace that is labelled with its name.
    fn pod(namespace: &str, app: &str) -> End {
        End::Pod {
            namespace: namespace.to_owned(),
            namespace_labels: labels(&[("name", namespace)]),
            labels: labels(&[("app", app)]),
        }
    }

    fn outside(ip: &str) -> End {
        End::Outside(ip.parse().expect("an address"))
    }

    /// What one policy of namespace `here` for pods `app=web` lets through.
    fn allow(spec: &Value, way: Way, other: &End, port: u16) -> bool {
        let mut spec = spec.clone();
        spec["podSelector"] = json!({"matchLabels": {"app": "web"}});
        let policy = serde_json::from_value(json!({"spec": spec})).expect("a policy");
        let policies = Policies {
            namespace: "here",
            policies: &[policy],
        };
        let other_pod = labels(&[("app", "other")]);
        assert!(
            policies.allow(&other_pod, way, other, "TCP", port),
            "it is not for this pod"
        );
        policies.allow(&labels(&[("app", "web")]), way, other, "TCP", port)
    }

    #[test]
    fn no_rule_lets_nothing_through_and_an_empty_one_everything() {
        let both = json!({"policyTypes": ["Ingress", "Egress"]});
        for way in [Way::In, Way::Out] {
            assert!(!allow(&both, way, &pod("here", "x"), 80));
        }
        let open = json!({"policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]});
        for way in [Way::In, Way::Out] {
            assert!(allow(&open, way, &outside("192.0.2.1"), 80));
        }
    }

    #[test]
    fn without_types_a_policy_is_for_what_comes_in_and_for_what_it_names() {
        let other = pod("here", "x");
        assert!(!allow(&json!({}), Way::In, &other, 80));
        assert!(allow(&json!({}), Way::Out, &other, 80));
        assert!(!allow(&json!({"egress": []}), Way::Out, &other, 80));
    }

    #[test]
    fn selectors_of_one_peer_hold_together_and_peers_apart() {
        let from = |peers: Value| json!({"ingress": [{"from": peers}]});
        let app = json!({"matchLabels": {"app": "x"}});
        let there =
            json!({"matchExpressions": [{"key": "name", "operator": "In", "values": ["there"]}]});
        let pods = from(json!([{"podSelector": app}]));
        assert!(allow(&pods, Way::In, &pod("here", "x"), 80));
        assert!(!allow(&pods, Way::In, &pod("there", "x"), 80));
        let both = from(json!([{"podSelector": app, "namespaceSelector": there}]));
        assert!(allow(&both, Way::In, &pod("there", "x"), 80));
        assert!(!allow(&both, Way::In, &pod("there", "y"), 80));
        assert!(!allow(&both, Way::In, &pod("here", "x"), 80));
        let either = from(json!([{"podSelector": app}, {"namespaceSelector": there}]));
        assert!(allow(&either, Way::In, &pod("there", "y"), 80));
        assert!(allow(&either, Way::In, &pod("here", "x"), 80));
        assert!(!allow(&either, Way::In, &pod("here", "y"), 80));
    }

    #[test]
    fn a_block_has_addresses_but_for_its_exceptions() {
        let to = json!({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]});
        assert!(allow(&to, Way::Out, &outside("10.2.3.4"), 80));
        assert!(!allow(&to, Way::Out, &outside("10.1.3.4"), 80));
        assert!(!allow(&to, Way::Out, &outside("11.2.3.4"), 80));
        assert!(!allow(&to, Way::Out, &outside("fd00::1"), 80));
        assert!(!allow(&to, Way::Out, &pod("here", "x"), 80));
        let one = json!({"egress": [{"to": [{"ipBlock": {"cidr": "fd00::7/128"}}]}]});
        assert!(allow(&one, Way::Out, &outside("fd00::7"), 80));
        assert!(!allow(&one, Way::Out, &outside("fd00::8"), 80));
        let all = json!({"egress": [{"to": [{"ipBlock": {"cidr": "::/0"}}]}]});
        assert!(allow(&all, Way::Out, &outside("fd00::8"), 80));
    }

    #[test]
    fn a_port_has_a_protocol_and_may_be_a_range() {
        let ports = |ports: Value| json!({"ingress": [{"ports": ports}]});
        let other = pod("here", "x");
        assert!(allow(&ports(json!([{"port": 80}])), Way::In, &other, 80));
        assert!(!allow(&ports(json!([{"port": 80}])), Way::In, &other, 81));
        assert!(!allow(
            &ports(json!([{"port": 80, "protocol": "UDP"}])),
            Way::In,
            &other,
            80
        ));
        let range = ports(json!([{"port": 80, "endPort": 90}]));
        assert!(allow(&range, Way::In, &other, 90));
        assert!(!allow(&range, Way::In, &other, 91));
        assert!(allow(&ports(json!([{}])), Way::In, &other, 5));
    }
}
