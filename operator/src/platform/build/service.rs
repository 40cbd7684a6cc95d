//! How the roles that answer requests are reached.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::object_name;
use crate::platform::{
    metadata::{metadata, selector},
    validate::{Role, ValidatedPlatform},
};

/// The port a role answers requests on; `None` for a role that answers none.
pub(super) fn port(role: Role) -> Option<i32> {
    match role {
        Role::Web => Some(8000),
        Role::Realtime => Some(8001),
        Role::Analytics => Some(8002),
        Role::Worker | Role::Beat | Role::AnalyticsWorker => None,
    }
}

/// The Service of a role.
pub(super) fn service(p: &ValidatedPlatform, role: Role) -> Option<Service> {
    let port = port(role)?;
    Some(Service {
        metadata: metadata(p, object_name(p, role), Some(role)),
        spec: Some(ServiceSpec {
            selector: Some(selector(&p.name, Some(role))),
            ports: Some(vec![ServicePort {
                name: Some("http".to_owned()),
                port,
                protocol: Some("TCP".to_owned()),
                app_protocol: Some("http".to_owned()),
                target_port: Some(IntOrString::String("http".to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}
