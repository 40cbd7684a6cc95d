//! Migrations: each has both halves, they apply to an empty database, and taking them back leaves it empty.

use super::Outcome;
use crate::{
    install,
    migrations::{self, Direction},
};
use anyhow::Result;
use common_scratch::Postgres;
use std::collections::BTreeSet;

/// What is left in a database besides what PostgreSQL and its extensions put there.
const LEFT: &str = "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'S') \
    union select n.nspname || '.' || p.proname || '()' from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
    and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1";

/// Applies all, takes all back, applies all again.
pub(super) fn run() -> Result<Outcome> {
    let mut findings = unpaired(
        &names(Direction::Up, ".up.sql")?,
        &names(Direction::Down, ".down.sql")?,
    );
    install::ensure(&[Postgres::PACKAGE])?;
    let postgres = Postgres::start()?;
    let count = migrations::apply(&postgres, "crewdeck", Direction::Up)?;
    migrations::apply(&postgres, "crewdeck", Direction::Down)?;
    let left = postgres.psql("crewdeck", &["-c", LEFT])?;
    findings.extend(
        left.lines()
            .map(|name| format!("{name} is left after every down")),
    );
    migrations::apply(&postgres, "crewdeck", Direction::Up)?;
    Ok(Outcome::of(
        findings,
        format!("{count} migrations up, down, up"),
    ))
}

/// The migrations' names without their ends.
fn names(direction: Direction, end: &str) -> Result<BTreeSet<String>> {
    Ok(migrations::files(direction)?
        .iter()
        .filter_map(|path| Some(path.to_string_lossy().strip_suffix(end)?.to_owned()))
        .collect())
}

/// Migrations that have only one half.
fn unpaired(up: &BTreeSet<String>, down: &BTreeSet<String>) -> Vec<String> {
    up.symmetric_difference(down)
        .map(|name| format!("{name} has only one of .up.sql and .down.sql"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_needed() {
        let both = BTreeSet::from(["0001".to_owned()]);
        assert_eq!(unpaired(&both, &both), Vec::<String>::new());
        assert_eq!(unpaired(&both, &BTreeSet::new()).len(), 1);
        assert_eq!(unpaired(&BTreeSet::new(), &both).len(), 1);
    }
}
