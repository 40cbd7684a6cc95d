//! Use case: people of a former system, who go on with their passwords. All of them or none.

use std::collections::{HashMap, HashSet};
use std::fmt;

use common_clock::{SharedClock, SharedIds};
use common_events::Outgoing;
use sqlx::PgPool;

use crate::Error;
use crate::model::{Fault, ImportedUser};
use crate::producer::UserCreated;
use crate::store::scope::Platform;
use crate::store::{Change, import};

/// What is wrong at one place of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// Number of the line, from 1.
    pub line: usize,
    /// JSON Pointer of the member; empty for the line itself.
    pub pointer: String,
    /// What is allowed; never what was given.
    pub detail: String,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            pointer,
            detail,
        } = self;
        let colon = if pointer.is_empty() { "" } else { ": " };
        write!(f, "line {line}: {pointer}{colon}{detail}")
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Lines that cannot be imported, in their order.
    #[error("{} faults; nothing was imported", .0.len())]
    Faults(Vec<LineFault>),
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What an import did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Users that were added and can sign in.
    pub added: usize,
    /// Users that were added and cannot.
    pub inactive: usize,
    /// Users that were there already; they stay as they are.
    pub present: usize,
}

/// Adds the users of `lines`, one JSON object each; empty lines count for nothing. Whose address is there already, active or
/// not, stays as it is, so that it can be repeated. Nobody becomes an administrator. With `dry_run` everything is tried and
/// nothing kept.
///
/// # Errors
/// [`ImportError::Faults`] with everything that is wrong; when the database fails.
pub async fn import_users(
    pool: &PgPool,
    lines: &str,
    dry_run: bool,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<Imported, ImportError> {
    let now = clock.now();
    let users = read(lines, |line| ImportedUser::parse(line, now))?;
    let mut transaction = common_db::begin(pool).await.map_err(Error::from)?;
    let addresses: Vec<String> = users
        .iter()
        .map(|user| user.email.as_str().to_owned())
        .collect();
    let present: HashSet<String> =
        import::present(&mut transaction, Platform::itself(), &addresses)
            .await?
            .into_iter()
            .collect();
    let mut done = Imported::default();
    for user in users {
        if present.contains(user.email.as_str()) {
            done.present += 1;
            continue;
        }
        let id = ids.uuid();
        let event = Outgoing::of(&UserCreated {
            user_id: id,
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            is_admin: false,
            version: 1,
            occurred_at: now,
        });
        let change = Change {
            actor: None,
            request_id: String::new(),
            at: now,
            event_id: ids.uuid(),
            event,
        };
        let added =
            import::insert(&mut transaction, Platform::itself(), id, &user, &change).await?;
        match (added, user.is_active) {
            // Somebody added the address while this ran.
            (false, _) => done.present += 1,
            (true, true) => done.added += 1,
            (true, false) => done.inactive += 1,
        }
    }
    if !dry_run {
        transaction.commit().await.map_err(Error::from)?;
        tracing::info!(
            added = done.added,
            inactive = done.inactive,
            present = done.present,
            "users imported"
        );
    }
    Ok(done)
}

/// Every line, or everything that is wrong with any.
fn read(
    lines: &str,
    parse: impl Fn(&str) -> Result<ImportedUser, Vec<Fault>>,
) -> Result<Vec<ImportedUser>, ImportError> {
    let mut users = Vec::new();
    let mut faults = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, text) in lines.lines().enumerate() {
        let line = index + 1;
        if text.trim().is_empty() {
            continue;
        }
        let mut wrong = Vec::new();
        match parse(text) {
            Ok(user) => {
                if let Some(first) = seen.get(user.email.as_str()) {
                    wrong.push(Fault::new("/email", format!("is that of line {first} too")));
                } else {
                    seen.insert(user.email.as_str().to_owned(), line);
                }
                users.push(user);
            }
            Err(found) => wrong = found,
        }
        faults.extend(wrong.into_iter().map(|fault| LineFault {
            line,
            pointer: fault.pointer,
            detail: fault.detail,
        }));
    }
    if faults.is_empty() {
        return Ok(users);
    }
    Err(ImportError::Faults(faults))
}
