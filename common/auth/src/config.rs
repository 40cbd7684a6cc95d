//! Sections `[auth]` (every role) and `[signing]` (the issuer alone).

use std::path::PathBuf;

use common_config::AppConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// How tokens are verified.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// Issuer of the tokens: the public URL of the platform, exactly as in the tokens.
    pub issuer: String,
    /// Audience that a token must name.
    #[serde(default = "audience")]
    pub audience: String,
    /// `jwks.json` of a mounted folder. One of this and `jwks_url`.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// URL of the key set, for verifiers outside the platform.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Seconds that an access token lives; at most 900.
    #[serde(default = "access_token_seconds")]
    pub access_token_seconds: i64,
    /// Seconds for which others may keep the key set that role `web` serves.
    #[serde(default = "jwks_max_age_seconds")]
    pub jwks_max_age_seconds: u32,
    /// Seconds by which the clock of the issuer may differ.
    #[serde(default = "clock_skew_seconds")]
    pub clock_skew_seconds: u32,
}

fn jwks_max_age_seconds() -> u32 {
    300
}

fn clock_skew_seconds() -> u32 {
    60
}

fn audience() -> String {
    "crewdeck".to_owned()
}

fn access_token_seconds() -> i64 {
    600
}

impl AppConfig for AuthConfig {
    const SECTION: &'static str = "auth";
}

/// Where the issuer's key is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningConfig {
    /// Private JWK of the active key, with its `kid` and `alg`; re-read when it changes.
    pub key_file: PathBuf,
}

impl AppConfig for SigningConfig {
    const SECTION: &'static str = "signing";
}
