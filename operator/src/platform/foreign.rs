//! Kinds that others define and a cluster may lack. Their `spec` and `status` are JSON: we send a few fields of many.

use std::borrow::Cow;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $kind:literal, $plural:literal, $group:literal / $version:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        pub struct $name {
            /// Name, labels, owner.
            #[serde(default)]
            pub metadata: ObjectMeta,
            /// What is wanted.
            #[serde(default)]
            pub spec: Value,
            /// What its controller says.
            #[serde(default, skip_serializing_if = "Value::is_null")]
            pub status: Value,
        }

        impl Resource for $name {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    )*};
}

kinds! {
    /// A route of the Gateway API.
    HttpRoute = "HTTPRoute", "httproutes", "gateway.networking.k8s.io" / "v1";
    /// Pods that Prometheus reads.
    PodMonitor = "PodMonitor", "podmonitors", "monitoring.coreos.com" / "v1";
    /// What Prometheus watches for.
    PrometheusRule = "PrometheusRule", "prometheusrules", "monitoring.coreos.com" / "v1";
}
