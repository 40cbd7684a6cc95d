//! Ours: role `web`, as it is deployed, with its log, its metrics and its limits.

use anyhow::Result;
use std::{path::Path, process::Command};

use super::{Side, Who};
use crate::{
    bench::api::scene::{ISSUER, Scene},
    cluster::product,
};

const PORT: u16 = 18_200;

/// The side.
pub(super) fn side(binary: &Path, scene: &Scene) -> Result<Side> {
    let keys = scene.keys();
    let mut serve = Command::new(binary);
    serve
        .args(["run", "web"])
        .env("CREWDECK_DATABASE_URL", scene.database())
        .env("CREWDECK_REDIS_URL", scene.redis.url())
        .env("CREWDECK_AUTH_ISSUER", ISSUER)
        .env("CREWDECK_AUTH_JWKS_FILE", keys.join("jwks.json"))
        .env("CREWDECK_SIGNING_KEY_FILE", keys.join("signing.jwk"))
        .env(
            "CREWDECK_HTTP_CURSOR_KEY",
            "of the bench, with thirty-two characters",
        )
        .env("CREWDECK_SERVICE_LISTEN", format!("127.0.0.1:{PORT}"))
        .env(
            "CREWDECK_SERVICE_PROBE_LISTEN",
            format!("127.0.0.1:{}", PORT + 1),
        )
        .env("CREWDECK_SERVICE_DRAIN_SECONDS", "5")
        .env("CREWDECK_TELEMETRY_LOG_FORMAT", "json")
        // Two workers, as the others have.
        .env("TOKIO_WORKER_THREADS", "2")
        .env("CREWDECK_USERS_PASSWORD_SLOTS", "2");
    let mut verify = product::compile_bench("common-auth", "verify")?;
    verify.arg(keys).arg(ISSUER);
    Ok(Side {
        who: Who::Crewdeck,
        port: PORT,
        serve,
        verify,
    })
}
