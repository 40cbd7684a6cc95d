//! The roles of a Platform in the order in which they roll out.

use crds::{RoleTemplate, RolesSpec};

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

    /// Whether it verifies tokens, and so has the key set.
    #[must_use]
    pub fn verifies(self) -> bool {
        matches!(self, Self::Web | Self::Realtime | Self::Analytics)
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

/// One role and how its pods are shaped.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleSpec {
    /// The role.
    pub role: Role,
    /// Pods wanted; 0 when the role is switched off.
    pub replicas: i32,
    /// Shape of the pods.
    pub template: RoleTemplate,
}

impl RoleSpec {
    /// Whether it is switched off: nothing of it is to be there.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.replicas == 0
    }

    /// All six roles, in the order of a roll-out; a switched-off one has no replicas.
    pub(super) fn all(roles: &RolesSpec) -> Vec<Self> {
        let switched = |on: bool, replicas: i32| if on { replicas } else { 0 };
        Role::ALL
            .into_iter()
            .map(|role| {
                let (replicas, template) = match role {
                    Role::Web => (roles.web.replicas, &roles.web.template),
                    Role::Worker => (roles.worker.replicas, &roles.worker.template),
                    Role::Beat => (switched(roles.beat.enabled, 1), &roles.beat.template),
                    Role::Realtime => (
                        switched(roles.realtime.enabled, roles.realtime.replicas),
                        &roles.realtime.template,
                    ),
                    Role::Analytics => (
                        switched(roles.analytics.enabled, roles.analytics.replicas),
                        &roles.analytics.template,
                    ),
                    Role::AnalyticsWorker => (
                        switched(
                            roles.analytics_worker.enabled,
                            roles.analytics_worker.replicas,
                        ),
                        &roles.analytics_worker.template,
                    ),
                };
                Self {
                    role,
                    replicas,
                    template: template.clone(),
                }
            })
            .collect()
    }
}
