//! `Platform`: what a platform team writes.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    disruption_budget::DisruptionBudgetSpec,
    exposure::ExposureSpec,
    monitoring::MonitoringSpec,
    network::NetworkPolicySpec,
    roles::RolesSpec,
    signing::SigningSpec,
    source::{DatabaseSpec, EventsSpec, RedisSpec},
    status::PlatformStatus,
    template::RolesTemplate,
    upgrade::{MigrationSpec, RolloutSpec},
};

/// Annotation that lets a Platform go although a backend still holds things of it.
pub const FORCE_RELEASE_ANNOTATION: &str = "crewdeck.io/force-release";

/// One Crewdeck: its servers, its roles and how they are run.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "crewdeck.io",
    version = "v1beta1",
    kind = "Platform",
    plural = "platforms",
    shortname = "pf",
    category = "crewdeck",
    namespaced,
    status = "PlatformStatus",
    derive = "PartialEq",
    doc = "Platform is one Crewdeck: users, teams and tasks, run by the operator on servers that you bring.",
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must be a DNS label that starts with a letter, at most 40 characters: names of Secrets, topics and databases are made from it"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Migrated", type_ = "string", json_path = ".status.conditions[?(@.type==\"Migrated\")].status"),
    printcolumn(name = "Keys", type_ = "string", json_path = ".status.conditions[?(@.type==\"SigningKeyReady\")].reason"),
    printcolumn(name = "Waiting-On", type_ = "string", json_path = ".status.waitingOn.reason"),
    printcolumn(name = "Topics", type_ = "string", json_path = ".status.topics.summary", priority = 1),
    printcolumn(name = "Next-Rotation", type_ = "string", json_path = ".status.nextRotationTime", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.waitingOn.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!has(self.exposure) || !(has(self.exposure.httpRoute) || has(self.exposure.ingress)) || url(self.publicURL).getEscapedPath() in ['', '/']").message("with exposure, publicURL must be a scheme and a host without a path, such as https://crew.example.org: the roles serve from the root"))]
pub struct PlatformSpec {
    /// The one image that every role runs.
    pub image: ImageSpec,

    /// Address under which people reach the platform: issuer of its tokens and base of its links.
    #[serde(rename = "publicURL")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != '' && url(self).getQuery().size() == 0").message("publicURL must be an absolute http or https URL without a query, such as https://crew.example.org"))]
    #[x_kube(validation = Rule::new("!self.endsWith('/')").message("publicURL must not end with '/': tokens carry it as their issuer, letter by letter"))]
    pub public_url: String,

    /// PostgreSQL.
    pub database: DatabaseSpec,

    /// Redis.
    pub redis: RedisSpec,

    /// How events travel between the roles.
    pub events: EventsSpec,

    /// The roles that are run; each has working defaults.
    #[serde(default)]
    pub roles: RolesSpec,

    /// Shape of every role's pods; a role's own `template` replaces it field by field.
    #[serde(default)]
    pub roles_template: RolesTemplate,

    /// Who may reach the pods, and whom they may reach.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,

    /// How many pods of a role may be away at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption_budget: Option<DisruptionBudgetSpec>,

    /// What a Prometheus is told.
    #[serde(default)]
    pub monitoring: MonitoringSpec,

    /// How the platform is reached from outside the cluster; nothing is made when it is empty.
    #[serde(default)]
    pub exposure: ExposureSpec,

    /// The keys that sign tokens.
    #[serde(default)]
    pub signing: SigningSpec,

    /// How the database is migrated.
    #[serde(default)]
    pub migration: MigrationSpec,

    /// How the roles come to another image.
    #[serde(default)]
    pub rollout: RolloutSpec,

    /// Pauses the operator for this Platform: what runs goes on running, nothing is changed. A signing key that
    /// signing.revoke names is denied all the same.
    #[serde(default)]
    pub suspend: bool,
}

/// The image, by tag or by digest.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.tag) != has(self.digest)").message("image needs exactly one of tag and digest"))]
pub struct ImageSpec {
    /// Registry and name, without a tag.
    #[schemars(length(min = 1, max = 255))]
    pub repository: String,
    /// Tag, such as 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"))]
    pub tag: Option<String>,
    /// Digest, such as sha256:9f86…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// When the image is pulled.
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// Secrets that hold the registry's login, in the Platform's namespace.
    #[serde(default)]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub pull_secrets: Vec<PullSecret>,
}

/// Name of a Secret with a registry's login.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PullSecret {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// When the kubelet pulls the image.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullPolicy {
    /// Only when the node has it not.
    #[default]
    IfNotPresent,
    /// At each start of a pod.
    Always,
    /// Never: the node must have it.
    Never,
}

impl PullPolicy {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}
