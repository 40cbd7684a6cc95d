//! JSON Schemas of the payloads: the check at publish and the catalogue in `docs/events/`. Pure but for [`write()`].

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{error::EventError, outgoing::EventPayload, topic::Topic};

/// The schema of one type of event, as it is committed and served.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSchema {
    /// `task.created.v1`.
    pub event_type: &'static str,
    /// Where events of the type are published.
    pub topic: Topic,
    /// JSON Schema (2020-12) of `data`, with `$id` = [`schema_uri`].
    pub schema: Value,
}

impl EventSchema {
    /// The schema of a payload type. A domain lists all of its own in one function, which the catalogue joins.
    #[must_use]
    pub fn of<T: EventPayload>() -> Self {
        let mut schema = SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<T>();
        schema.insert("$id".into(), schema_uri(T::TYPE).into());
        schema.insert("title".into(), T::TYPE.into());
        Self {
            event_type: T::TYPE,
            topic: T::TOPIC,
            schema: schema.to_value(),
        }
    }
}

/// The `dataschema` attribute of a type of event.
#[must_use]
pub fn schema_uri(event_type: &str) -> String {
    format!("urn:crewdeck:event:{event_type}")
}

/// Writes one file per type, `<type>.json`, pretty, with a final newline; makes the folder.
///
/// # Errors
/// `EventError::Write` naming the file.
pub fn write(folder: &Path, schemas: &[EventSchema]) -> Result<(), EventError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| EventError::Write { path, source }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    for schema in schemas {
        let path = folder.join(format!("{}.json", schema.event_type));
        std::fs::write(&path, format!("{:#}\n", schema.schema)).map_err(failed(&path))?;
    }
    Ok(())
}

/// Validators by payload type: compiling one costs more than using it a thousand times.
static VALIDATORS: LazyLock<Mutex<HashMap<&'static str, Arc<jsonschema::Validator>>>> =
    LazyLock::new(Mutex::default);

/// Checks a payload against the schema of its type.
pub(crate) fn check<T: EventPayload>(payload: &Value) -> Result<(), EventError> {
    let broken = |pointer: String, detail: String| EventError::Schema {
        event_type: T::TYPE.to_owned(),
        pointer,
        detail,
    };
    let validator = validator::<T>().map_err(|detail| broken(String::new(), detail))?;
    validator
        .validate(payload)
        .map_err(|error| broken(error.instance_path().to_string(), error.to_string()))
}

fn validator<T: EventPayload>() -> Result<Arc<jsonschema::Validator>, String> {
    let mut known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(validator) = known.get(T::TYPE) {
        return Ok(Arc::clone(validator));
    }
    let compiled = jsonschema::options()
        .should_validate_formats(true)
        .build(&EventSchema::of::<T>().schema)
        .map_err(|error| format!("the schema itself does not compile: {error}"))?;
    let compiled = Arc::new(compiled);
    known.insert(T::TYPE, Arc::clone(&compiled));
    Ok(compiled)
}
