//! The migrations as files, applied without the program: for checking the queries, and the migrations themselves.

use crate::repo;
use anyhow::{Context as _, Result};
use common_scratch::Postgres;
use std::{fs, path::PathBuf};

/// First line of a migration that does not run in a transaction, as sqlx has it.
const WITHOUT_TRANSACTION: &str = "-- no-transaction";

/// Which half of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// Applies every migration of the application and of analytics to one database, or takes them back.
pub(crate) fn apply(postgres: &Postgres, database: &str, direction: Direction) -> Result<usize> {
    let files = files(direction)?;
    for file in &files {
        let path = file.to_string_lossy();
        let text = fs::read_to_string(file).with_context(|| format!("read {path}"))?;
        let mut arguments = vec!["-f", path.as_ref()];
        if !text.starts_with(WITHOUT_TRANSACTION) {
            arguments.insert(0, "--single-transaction");
        }
        postgres
            .psql(database, &arguments)
            .with_context(|| format!("apply {path}"))?;
    }
    Ok(files.len())
}

/// The migration files in the order in which they apply: each owner by number, backwards for down.
pub(crate) fn files(direction: Direction) -> Result<Vec<PathBuf>> {
    let end = match direction {
        Direction::Up => ".up.sql",
        Direction::Down => ".down.sql",
    };
    let mut all = Vec::new();
    for folder in ["api-server/schema/migrations", "analytics/migrations"] {
        let folder = repo::root().join(folder);
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(end) {
                files.push(path);
            }
        }
        files.sort();
        all.append(&mut files);
    }
    if direction == Direction::Down {
        all.reverse();
    }
    Ok(all)
}
