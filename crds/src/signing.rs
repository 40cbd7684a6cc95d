//! The keys that sign tokens: how long each lasts, and which must die.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds that anything signed may live at most.
pub const LONGEST_TOKEN_SECONDS: u64 = 900;

/// How the keys that sign access tokens are rotated. The defaults are safe; the rules refuse what would end a token
/// before its time or let one be signed that nobody can verify.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.publishLeadSeconds >= self.jwksMaxAgeSeconds + self.propagationSeconds + self.clockSkewSeconds").message("signing.publishLeadSeconds must be at least jwksMaxAgeSeconds + propagationSeconds + clockSkewSeconds: until then somebody may not know the next key"))]
#[x_kube(validation = Rule::new("self.retentionSeconds >= self.accessTokenSeconds + self.clockSkewSeconds + self.jwksMaxAgeSeconds + self.propagationSeconds").message("signing.retentionSeconds must be at least accessTokenSeconds + clockSkewSeconds + jwksMaxAgeSeconds + propagationSeconds: until then a token of the former key may be valid"))]
#[x_kube(validation = Rule::new("self.rotationPeriodSeconds >= self.publishLeadSeconds + self.retentionSeconds").message("signing.rotationPeriodSeconds must be at least publishLeadSeconds + retentionSeconds: one rotation ends before the next begins"))]
pub struct SigningSpec {
    /// Seconds from one change of the key that signs to the next; 30 days.
    #[serde(default = "seconds::<2_592_000>")]
    #[schemars(range(min = 30, max = 31_536_000))]
    pub rotation_period_seconds: i64,
    /// Seconds for which a key is published before it signs; a day.
    #[serde(default = "seconds::<86_400>")]
    #[schemars(range(min = 5, max = 31_536_000))]
    pub publish_lead_seconds: i64,
    /// Seconds for which a key goes on verifying after no pod signs with it any more; an hour.
    #[serde(default = "seconds::<3_600>")]
    #[schemars(range(min = 5, max = 31_536_000))]
    pub retention_seconds: i64,
    /// Seconds that an access token lives.
    #[serde(default = "seconds::<600>")]
    #[schemars(range(min = 5, max = 900))]
    pub access_token_seconds: i64,
    /// Seconds for which others may keep the published key set; the time in which a revoked key dies outside.
    #[serde(default = "seconds::<300>")]
    #[schemars(range(min = 1, max = 86_400))]
    pub jwks_max_age_seconds: i64,
    /// Seconds by which two clocks may differ.
    #[serde(default = "seconds::<60>")]
    #[schemars(range(min = 1, max = 60))]
    pub clock_skew_seconds: i64,
    /// Seconds that a changed key set takes into the pods.
    #[serde(default = "seconds::<120>")]
    #[schemars(range(min = 1, max = 3_600))]
    pub propagation_seconds: i64,
    /// Raise it by one to rotate before the date. The next key must have been published for its time all the same.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rotation: i64,
    /// Keys that are denied at once and for good, such as one that was stolen, also while suspend is set. The key that signs
    /// is replaced by the next one. A key that was taken out of this list stays denied.
    #[serde(default)]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kid"]))]
    pub revoke: Vec<RevokedKey>,
}

/// A key to deny.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    /// Its name, as `status.signingKeys` and the key set tell it.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{43}$"))]
    pub kid: String,
    /// Why; told in the Event and in status.signingKeys.
    #[schemars(length(min = 1, max = 200))]
    pub reason: String,
}

/// A default in a place where serde wants a function.
fn seconds<const SECONDS: i64>() -> i64 {
    SECONDS
}

impl Default for SigningSpec {
    fn default() -> Self {
        Self {
            rotation_period_seconds: seconds::<2_592_000>(),
            publish_lead_seconds: seconds::<86_400>(),
            retention_seconds: seconds::<3_600>(),
            access_token_seconds: seconds::<600>(),
            jwks_max_age_seconds: seconds::<300>(),
            clock_skew_seconds: seconds::<60>(),
            propagation_seconds: seconds::<120>(),
            rotation: 0,
            revoke: Vec::new(),
        }
    }
}
