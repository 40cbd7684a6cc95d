//! Shape of the roles' pods: what all roles share, and what one role has in its place.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Affinity, Toleration, TopologySpreadConstraint},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Variables that the operator sets itself.
const RESERVED_NAMES: [&str; 2] = ["ROLE", "CREWDECK_CONFIG"];

/// Beginnings of variables that would win over the configuration that the operator writes: addresses, logins, keys,
/// ports, and what a client of PostgreSQL reads from its environment.
const RESERVED_PREFIXES: [&str; 13] = [
    "CREWDECK_SERVICE_",
    "CREWDECK_TELEMETRY_LOG_FORMAT",
    "CREWDECK_AUTH_",
    "CREWDECK_SIGNING_",
    "CREWDECK_HTTP_CURSOR_KEY",
    "CREWDECK_DATABASE_URL",
    "CREWDECK_DATABASE_REPLICA_URL",
    "CREWDECK_ANALYTICS_OWNER_URL",
    "CREWDECK_ANALYTICS_READER_URL",
    "CREWDECK_REDIS_",
    "CREWDECK_EVENTS_",
    "CREWDECK_MIGRATE_",
    "PG",
];

/// Shape of every role's pods. What a role names in its own `template` replaces the field of the same name here, whole:
/// maps and lists are not joined. What it leaves out is as here; an empty map or list of the role's means none.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RolesTemplate {
    /// Requests and limits; what is not named has the role's default.
    pub resources: Resources,
    /// Labels a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that are put up with; the form is that of `pod.spec.tolerations`.
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub tolerations: Vec<Toleration>,
    /// Nodes and pods to be near to or far from; the form is that of `pod.spec.affinity`.
    pub affinity: Affinity,
    /// How the pods of one role are spread; the form is that of `pod.spec.topologySpreadConstraints`. A constraint without
    /// a `labelSelector` counts the pods of the role.
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// The `PriorityClass` of the pods; the cluster's default when empty.
    #[schemars(length(max = 253))]
    pub priority_class_name: String,
    /// Seconds that a pod has to end; running work is given up ten seconds before.
    #[schemars(range(min = 15, max = 86_400))]
    pub termination_grace_period_seconds: i64,
    /// Further labels of the pods; those of the operator win.
    pub pod_labels: BTreeMap<String, String>,
    /// Further annotations of the pods; those of the operator win.
    pub pod_annotations: BTreeMap<String, String>,
    /// Further variables of the environment, such as `CREWDECK_TELEMETRY_FILTER`. Never a secret: they are plain to see.
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub extra_env: Vec<EnvVariable>,
}

/// What a role has in the place of `rolesTemplate`, field by field. A field that is left out is as there, and so has no
/// default here.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleTemplate {
    /// Requests and limits; what is not named has the role's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Taints of nodes that are put up with; the form is that of `pod.spec.tolerations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub tolerations: Option<Vec<Toleration>>,
    /// Nodes and pods to be near to or far from; the form is that of `pod.spec.affinity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// How the role's pods are spread; the form is that of `pod.spec.topologySpreadConstraints`. A constraint without a
    /// `labelSelector` counts the pods of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    /// The `PriorityClass` of the pods; the cluster's default when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,
    /// Seconds that a pod has to end; running work is given up ten seconds before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 86_400))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Further labels of the pods; those of the operator win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_labels: Option<BTreeMap<String, String>>,
    /// Further annotations of the pods; those of the operator win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_annotations: Option<BTreeMap<String, String>>,
    /// Further variables of the environment, such as `CREWDECK_TELEMETRY_FILTER`. Never a secret: they are plain to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub extra_env: Option<Vec<EnvVariable>>,
}

/// Requests and limits of a pod, by resource (`cpu`, `memory`).
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(default)]
    pub requests: BTreeMap<String, Quantity>,
    /// What the pod may not exceed.
    #[serde(default)]
    pub limits: BTreeMap<String, Quantity>,
}

/// A variable of the environment.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct EnvVariable {
    /// Its name, in upper case.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Z_][A-Z0-9_]*$"))]
    #[x_kube(validation = Rule::new(crate::EnvVariable::rule()).message("extraEnv may not set this variable: the operator sets it, or it would lead a role to another address, login, key or port; settings that may be set are those of http, outbound, users and telemetry, and limits of database and analytics; proxies are told in spec.exposure.trustedHops"))]
    pub name: String,
    /// Its value.
    #[serde(default)]
    #[schemars(length(max = 4_096))]
    pub value: String,
}

impl EnvVariable {
    /// Whether a variable of this name is the operator's alone.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        RESERVED_NAMES.contains(&name)
            || RESERVED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    }

    /// The same as a rule of the definition.
    #[doc(hidden)]
    #[must_use]
    pub fn rule() -> String {
        let list = |words: &[&str]| format!("['{}']", words.join("', '"));
        format!(
            "!(self in {}) && !{}.exists(prefix, self.startsWith(prefix))",
            list(&RESERVED_NAMES),
            list(&RESERVED_PREFIXES)
        )
    }
}

impl Default for RolesTemplate {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            affinity: Affinity::default(),
            // A node that is lost takes one pod of a role, if it can be had.
            topology_spread_constraints: vec![TopologySpreadConstraint {
                max_skew: 1,
                topology_key: "kubernetes.io/hostname".to_owned(),
                when_unsatisfiable: "ScheduleAnyway".to_owned(),
                ..TopologySpreadConstraint::default()
            }],
            priority_class_name: String::new(),
            // Work has 20 seconds.
            termination_grace_period_seconds: 30,
            pod_labels: BTreeMap::new(),
            pod_annotations: BTreeMap::new(),
            extra_env: Vec::new(),
        }
    }
}
