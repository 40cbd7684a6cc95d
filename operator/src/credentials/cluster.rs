//! The servers of the local cluster, for tests: what `cargo xtask status -o json` tells, in the file of `CREWDECK_STATUS`.

/// A value of one of the servers; none if the tests do not run on the cluster.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told their servers by the environment"
)]
pub(crate) fn told(server: &str, key: &str) -> Option<String> {
    let file = std::env::var("CREWDECK_STATUS").ok()?;
    let status: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let value = &status["backends"][server][key];
    Some(
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
    )
}

/// The certificate of the authority that signed the server's.
pub(crate) fn authority(server: &str) -> Option<String> {
    Some(std::fs::read_to_string(told(server, "ca")?).unwrap())
}
