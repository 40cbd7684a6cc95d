//! Changes of a Platform's spec, over exactly the version that was looked at.

use crds::Platform;
use kube::{
    ResourceExt as _,
    api::{Patch, PatchParams, ValidationDirective},
};
use serde_json::{Value, json};

use super::{
    Error,
    find::{api, asked},
    session::Session,
};

/// Who writes, in `metadata.managedFields`.
const MANAGER: &str = "kubectl-crewdeck";
/// The operator's writes to the status may come between; the spec stays the same meanwhile.
const ATTEMPTS: usize = 8;

/// Said in the help of every command that changes a spec.
pub(super) const OWNERS: &str = "\
The change is made in the resource itself. Where its spec is kept elsewhere too (the values of a
Helm release, a repository that Argo CD or Flux follows), write it there as well: the owner may
set the field back.";

/// Merges `spec` into the Platform's spec, unless somebody changed the spec since it was looked at.
///
/// # Errors
/// When somebody did, and when the API server refuses.
pub(super) async fn change(
    session: &Session,
    platform: &Platform,
    spec: Value,
) -> Result<Platform, Error> {
    let (name, seen) = (platform.name_any(), platform.metadata.generation);
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::default()
    };
    let mut version = platform.resource_version();
    for _ in 0..ATTEMPTS {
        let patch = json!({"metadata": {"resourceVersion": version}, "spec": spec});
        match api(session)
            .patch(&name, &parameters, &Patch::Merge(&patch))
            .await
        {
            Ok(changed) => return Ok(changed),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(asked(session, "patch").failed(&error)),
        }
        let now = api(session).get(&name).await;
        let now = now.map_err(|error| asked(session, "get").failed(&error))?;
        if now.metadata.generation != seen {
            return Err(Error::refused(format!(
                "somebody changed Platform {}/{name} meanwhile; nothing was done. Look at it and try again",
                session.namespace
            )));
        }
        version = now.resource_version();
    }
    Err(Error::refused(format!(
        "Platform {}/{name} is written without a pause; nothing was done. Try again",
        session.namespace
    )))
}
