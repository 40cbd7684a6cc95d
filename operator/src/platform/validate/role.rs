//! The roles of a Platform in the order in which they roll out.

use crds::{RolesSpec, RolesTemplate, ScaledRole, SwitchedRole, WorkerRole};

use super::{
    Autoscaling,
    template::{merge, require_free},
};

/// A long-running role. The order is that of a roll-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// API and pages.
    Web,
    /// Jobs, relay, notifications.
    Worker,
    /// The calendar.
    Beat,
    /// Open browsers.
    Realtime,
    /// Analytics API.
    Analytics,
    /// Counting of events.
    AnalyticsWorker,
}

impl Role {
    /// Every role, in the order of a roll-out.
    pub const ALL: [Self; 6] = [
        Self::Web,
        Self::Worker,
        Self::Beat,
        Self::Realtime,
        Self::Analytics,
        Self::AnalyticsWorker,
    ];

    /// The role of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether it verifies tokens, and so has the key set and tells its generation. A socket is opened with a ticket, which
    /// web has made for a token.
    #[must_use]
    pub fn verifies(self) -> bool {
        matches!(self, Self::Web | Self::Analytics)
    }

    /// Value of `ROLE`, of the label `app.kubernetes.io/component` and of `status.roles[].role`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Beat => "beat",
            Self::Realtime => "realtime",
            Self::Analytics => "analytics",
            Self::AnalyticsWorker => "analytics-worker",
        }
    }
}

/// How many pods a role has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// So many; 0 when the role is switched off.
    Fixed(i32),
    /// As many as the load wants.
    Automatic(Autoscaling),
}

impl Scale {
    /// Pods that run always.
    #[must_use]
    pub fn least(self) -> i32 {
        match self {
            Self::Fixed(replicas) => replicas,
            Self::Automatic(bounds) => bounds.min_replicas,
        }
    }
}

/// One role and how its pods are shaped.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleSpec {
    /// The role.
    pub role: Role,
    /// Pods wanted.
    pub scale: Scale,
    /// Shape of the pods.
    pub template: RolesTemplate,
}

impl RoleSpec {
    /// Whether it is switched off: nothing of it is to be there.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.scale == Scale::Fixed(0)
    }

    /// All six roles, in the order of a roll-out; a switched-off one has no replicas. An error is what the definition's
    /// rules refuse too.
    pub(super) fn all(roles: &RolesSpec, template: &RolesTemplate) -> Result<Vec<Self>, String> {
        Role::ALL
            .into_iter()
            .map(|role| Self::of(role, roles, template))
            .collect()
    }

    fn of(role: Role, roles: &RolesSpec, template: &RolesTemplate) -> Result<Self, String> {
        let scaled = |spec: &ScaledRole| {
            let scale = scale(role, spec.replicas, spec.autoscaling.map(Into::into))?;
            Ok::<_, String>((scale, spec.template.clone()))
        };
        let worker = |spec: &WorkerRole| {
            let scale = scale(role, spec.replicas, spec.autoscaling.map(Into::into))?;
            Ok::<_, String>((scale, spec.template.clone()))
        };
        let switched = |spec: &SwitchedRole| {
            let scale = if spec.enabled {
                scale(role, spec.replicas, spec.autoscaling.map(Into::into))?
            } else {
                Scale::Fixed(0)
            };
            Ok::<_, String>((scale, spec.template.clone()))
        };
        let (scale, own) = match role {
            Role::Web => scaled(&roles.web)?,
            Role::Worker => worker(&roles.worker)?,
            Role::Beat => (
                Scale::Fixed(i32::from(roles.beat.enabled)),
                roles.beat.template.clone(),
            ),
            Role::Realtime => switched(&roles.realtime)?,
            Role::Analytics => switched(&roles.analytics)?,
            Role::AnalyticsWorker => switched(&roles.analytics_worker)?,
        };
        let template = merge(&own, template);
        require_free(role.as_str(), &template)?;
        Ok(Self {
            role,
            scale,
            template,
        })
    }
}

fn scale(role: Role, replicas: i32, autoscaling: Option<Autoscaling>) -> Result<Scale, String> {
    match autoscaling {
        None => Ok(Scale::Fixed(replicas)),
        Some(bounds) if bounds.min_replicas > bounds.max_replicas => Err(format!(
            "autoscaling of role {} has minReplicas {} and maxReplicas {}; maxReplicas must be at least minReplicas",
            role.as_str(),
            bounds.min_replicas,
            bounds.max_replicas
        )),
        Some(bounds) => Ok(Scale::Automatic(bounds)),
    }
}
