//! Which Platform is meant.

use crds::Platform;
use kube::{Api, ResourceExt, api::ListParams};

use super::{Error, error::Asked, session::Session};

/// The resource, as rights name it.
pub(super) const RESOURCE: &str = "platforms.crewdeck.io";

/// The Platforms of a namespace.
pub(super) fn api(session: &Session) -> Api<Platform> {
    Api::namespaced(session.client.clone(), &session.namespace)
}

/// The Platform of this name; without one, the only Platform of the namespace.
///
/// # Errors
/// When there is none, or more than one: with those that there are.
pub(super) async fn platform(session: &Session, name: Option<&str>) -> Result<Platform, Error> {
    if let Some(name) = name {
        let found = api(session).get_opt(name).await;
        if let Some(platform) = found.map_err(|error| asked(session, "get").failed(&error))? {
            return Ok(platform);
        }
    }
    let mut all = platforms(session).await?;
    let namespace = &session.namespace;
    match (name, all.len()) {
        (None, 1) => Ok(all.swap_remove(0)),
        (_, 0) => Err(none(session).await),
        (Some(name), _) => Err(Error::refused(format!(
            "namespace {namespace} has no Platform {name}; it has: {}",
            names(&all)
        ))),
        (None, count) => Err(Error::refused(format!(
            "namespace {namespace} has {count} Platforms: {}; say which one is meant",
            names(&all)
        ))),
    }
}

/// Every Platform of the namespace.
pub(super) async fn platforms(session: &Session) -> Result<Vec<Platform>, Error> {
    let list = api(session).list(&ListParams::default()).await;
    let list = list.map_err(|error| asked(session, "list").failed(&error))?;
    Ok(list.items)
}

/// That the namespace has no Platform, and where there are some, as far as that may be known.
pub(super) async fn none(session: &Session) -> Error {
    let everywhere: Api<Platform> = Api::all(session.client.clone());
    let there = match everywhere.list(&ListParams::default()).await {
        Ok(list) if list.items.is_empty() => "and neither has any other".to_owned(),
        Ok(list) => {
            let names = list.items.iter().map(|platform| {
                let namespace = platform.namespace().unwrap_or_default();
                format!("--namespace {namespace}: {}", platform.name_any())
            });
            format!("there are: {}", names.collect::<Vec<_>>().join(", "))
        }
        Err(_) => "name another one with --namespace".to_owned(),
    };
    Error::refused(format!(
        "namespace {} has no Platform; {there}",
        session.namespace
    ))
}

/// A request for Platforms.
pub(super) fn asked<'a>(session: &'a Session, verb: &'static str) -> Asked<'a> {
    Asked {
        verb,
        resource: RESOURCE,
        namespace: &session.namespace,
    }
}

fn names(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(ResourceExt::name_any).collect();
    names.join(", ")
}
