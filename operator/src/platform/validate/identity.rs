//! Which Platform it is: what the objects made for it are called, and whom they belong to.

use crds::{Platform, Reason};
use kube::{ResourceExt as _, core::DeserializeGuard, runtime::reflector::ObjectRef};

use super::Image;
use crate::platform::StepError;

/// One Platform, by everything that its objects bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `metadata.name`: prefix of every object's name.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`, for owner references.
    pub uid: String,
    /// Version of its image, for labels.
    pub version: String,
}

impl Identity {
    /// Which Platform it is.
    pub(crate) fn reference(&self) -> ObjectRef<DeserializeGuard<Platform>> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }

    /// Reads it from the resource.
    ///
    /// # Errors
    /// `InvalidSpec`: a name that is too long, no namespace, or an image that cannot be used.
    pub fn of(platform: &Platform) -> Result<Self, StepError> {
        let invalid = |message: String| StepError::terminal(Reason::InvalidSpec, message);
        let name = platform.name_any();
        let namespace = platform.namespace().ok_or_else(|| {
            invalid("a Platform lives in a namespace; this one has none".to_owned())
        })?;
        if name.len() > 40 {
            return Err(invalid(format!(
                "metadata.name {name} has {} characters; at most 40 are allowed",
                name.len()
            )));
        }
        let image = Image::parse(&platform.spec.image).map_err(invalid)?;
        Ok(Self {
            name,
            namespace,
            uid: platform.uid().unwrap_or_default(),
            version: image.version,
        })
    }
}
