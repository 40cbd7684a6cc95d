//! Images that the tests of upgrades go to, made of the one that the cluster runs.

use crate::cluster::{archives::Archive, image};
use anyhow::Result;
use common_scratch::Folder;
use serde_json::{Value, json};

/// The same program under another tag, and one that tells its plan and migrates, but whose roles end at once.
pub(super) fn prepare(image: &str) -> Result<Value> {
    let (next, broken) = (format!("{image}-next"), format!("{image}-broken"));
    image::tag_everywhere(image, &next)?;
    let folder = Folder::new("images")?;
    let archive = folder.path().join("broken.tar");
    // A role gets no arguments, so it does what the image says; a Job of an upgrade gets its own.
    let of = Archive::of(image)?;
    let text = format!(
        "FROM oci-archive:{}\nCMD [\"--version\"]\n",
        of.path.display()
    );
    image::pack(
        &text,
        None,
        &broken,
        &archive,
        &folder.path().join("build.log"),
    )?;
    image::import_everywhere(&archive)?;
    Ok(json!({"next": next, "broken": broken}))
}
