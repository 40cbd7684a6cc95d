//! The last hand on an OpenAPI document: what is the same for every operation is written here, once.
//!
//! An operation tells what is its own: success, and refusals with codes of their own. It needs a token unless it says
//! `security(())`. Everything that its parameters, its body and the layers of [`crate::standard`] add to that, follows.

mod answers;
mod headers;
mod reads;
#[cfg(feature = "testing")]
pub mod testing;
mod writes;

use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Deprecated, OpenApi, RefOr};

use crate::extract::tags::{IF_MATCH, IF_NONE_MATCH};
use crate::{Kind, public_path};

/// Name of the scheme in the document.
const BEARER: &str = "bearer";

/// The document as callers read it.
#[must_use]
pub fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    answers::add_to(components);
    headers::add_to(components);
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    // Once: it is asked for each answer of each operation.
    let schemas = serde_json::to_value(&components.schemas).unwrap_or_default();
    let paths = std::mem::take(&mut document.paths.paths);
    for (route, mut item) in paths {
        for operation in operations(&mut item) {
            finish_operation(operation, &schemas);
        }
        // The document shows the paths that callers write.
        document.paths.paths.insert(public_path(&route), item);
    }
    document
}

/// Every operation of a path.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

fn finish_operation(operation: &mut Operation, schemas: &Value) {
    let public = operation.security.is_some();
    let needs = (!public).then(|| SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []));
    operation.security = Some(needs.into_iter().collect());
    reads::tell(operation);
    headers::tell(operation, schemas);
    writes::tell(operation);
    for kind in refusals(operation, public) {
        let status = kind.status().as_str().to_owned();
        operation
            .responses
            .responses
            .entry(status)
            .or_insert_with(|| answers::reference(kind, ""));
    }
    let is_write = writes::is_one(operation);
    for (status, response) in &mut operation.responses.responses {
        let Some(kind) = Kind::of(status) else {
            continue;
        };
        if let RefOr::T(own) = response {
            let about = if is_write {
                writes::with_shared(kind, &own.description)
            } else {
                own.description.clone()
            };
            *response = answers::reference(kind, &about);
        }
    }
    if operation.deprecated == Some(Deprecated::True) {
        headers::tell_deprecation(operation);
    }
}

/// Whether the operation has a parameter of that name.
fn takes(operation: &Operation, name: &str) -> bool {
    let mut all = operation.parameters.iter().flatten();
    all.any(|parameter| matches!(parameter, RefOr::T(one) if one.name == name))
}

/// What the operation's inputs and the layers around it can refuse.
fn refusals(operation: &Operation, public: bool) -> Vec<Kind> {
    // Whatever is sent in this one, nothing is refused.
    let refuses = |one: &Parameter| one.name != IF_NONE_MATCH;
    let within = |place: &ParameterIn| {
        let mut all = operation.parameters.iter().flatten();
        all.any(|parameter| {
            matches!(parameter, RefOr::T(one) if one.parameter_in == *place && refuses(one))
        })
    };
    let body = operation.request_body.is_some();
    let mut all = vec![Kind::Internal, Kind::Unavailable, Kind::Timeout];
    if !public {
        all.push(Kind::Unauthorized);
    }
    if within(&ParameterIn::Path) {
        all.push(Kind::NotFound);
    }
    if body || within(&ParameterIn::Query) || within(&ParameterIn::Header) {
        all.push(Kind::BadRequest);
    }
    if body {
        all.extend([Kind::TooLarge, Kind::UnsupportedMediaType, Kind::Invalid]);
    }
    if writes::is_one(operation) {
        all.extend([Kind::Conflict, Kind::Invalid]);
    }
    if takes(operation, IF_MATCH) {
        all.push(Kind::PreconditionFailed);
    }
    all
}
