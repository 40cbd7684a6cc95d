//! `crewdeck schemas`.

use std::path::Path;

use anyhow::Context as _;

/// Writes the schemas.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for schema in api_server::events() {
        let file = folder.join(format!("{}.json", schema.event_type));
        let text = serde_json::to_string_pretty(&schema.schema)? + "\n";
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
