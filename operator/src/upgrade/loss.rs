//! A database that was migrated and has no table any more: it was dropped, or another server stands at its address, and the
//! pass has made it again, empty. Nothing is migrated over that by itself. It would be a second beginning, in which people
//! work, and in the way of whoever comes with the backup: a person says so first.

use std::collections::BTreeSet;

use crds::Reason;

use super::release::{Release, Stored};
use crate::platform::{Context, StepError, validate::ValidatedPlatform};

/// Sees that the databases are still those that were migrated; `empty` are those without a table.
///
/// # Errors
/// `DatabaseLost` until they are restored, or a person raises `spec.migration.retry`.
pub(super) async fn require_tables(
    cx: &Context,
    p: &ValidatedPlatform,
    stored: &mut Stored,
    empty: &BTreeSet<String>,
) -> Result<(), StepError> {
    let is_empty = |database: &String| empty.contains(database);
    let (application, analytics) = (p.external.database(), p.external.analytics_database());
    let found = Found {
        application: is_empty(&application),
        analytics: is_empty(&analytics),
    };
    let (release, told) = decide(&stored.release, found, p.migration.retry);
    stored.write(cx, p, release).await?;
    if !told {
        return Ok(());
    }
    let lost: Vec<String> = [application, analytics]
        .into_iter()
        .filter(is_empty)
        .collect();
    Err(StepError::terminal(
        Reason::DatabaseLost,
        format!(
            "{} at {}:{} had tables and has none: dropped, or not the server it was. Nothing is migrated; restore the backup, \
             or set spec.migration.retry to {} to begin anew without it",
            lost.join(" and "),
            p.postgres.host,
            p.postgres.port,
            p.migration.retry + 1
        ),
    ))
}

/// Which databases have no table.
#[derive(Debug, Clone, Copy)]
struct Found {
    application: bool,
    analytics: bool,
}

/// What is remembered then, and whether nothing may go on. Pure.
fn decide(release: &Release, found: Found, retry: i64) -> (Release, bool) {
    // Before the first image worked, they have yet to be filled.
    if release.good.is_none() {
        return (release.clone(), false);
    }
    if !found.application && !found.analytics {
        return (release.with_loss(None), false);
    }
    match release.lost {
        Some(at) if retry > at => {
            // Analytics alone is migrated as in any upgrade: the application must go on with what it has.
            let release = if found.application {
                release.anew()
            } else {
                release.clone()
            };
            (release, false)
        }
        Some(_) => (release.clone(), true),
        None => (release.with_loss(Some(retry)), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::validate::sample::sample, upgrade::release::Course};

    const NONE: Found = Found {
        application: false,
        analytics: false,
    };
    const BOTH: Found = Found {
        application: true,
        analytics: true,
    };
    const ANALYTICS: Found = Found {
        application: false,
        analytics: true,
    };

    fn settled() -> Release {
        Release::default().settled("a", &sample().image)
    }

    #[test]
    fn before_the_first_image_worked_nothing_is_lost() {
        let first = Release::default().going("a", |upgrade| upgrade.whole = true);
        assert_eq!(decide(&first, BOTH, 0), (first, false));
    }

    #[test]
    fn a_loss_is_told_until_the_backup_is_there() {
        for found in [BOTH, ANALYTICS] {
            let (lost, told) = decide(&settled(), found, 3);
            assert!(told && lost.lost == Some(3));
            assert_eq!(decide(&lost, found, 3), (lost.clone(), true), "told again");
            assert_eq!(decide(&lost, NONE, 3), (settled(), false), "restored");
        }
    }

    #[test]
    fn a_person_who_says_so_begins_anew() {
        let (lost, _) = decide(&settled(), BOTH, 3);
        let (anew, told) = decide(&lost, BOTH, 4);
        assert!(!told && anew.good.is_none() && anew.lost.is_none());
        assert_eq!(anew.course("b"), Course::Go);
        assert_ne!(anew.id("a"), Release::default().id("a"), "other Jobs");
    }

    #[test]
    fn another_image_is_no_consent() {
        let (lost, _) = decide(&settled(), BOTH, 3);
        let other = lost.towards("another image").going("another image", |_| {});
        assert!(decide(&other, BOTH, 3).1);
    }

    /// The application has people: its roles go on until the new tables of analytics are there.
    #[test]
    fn analytics_alone_is_migrated_beside_what_runs() {
        let (lost, _) = decide(&settled(), ANALYTICS, 3);
        let (release, told) = decide(&lost, ANALYTICS, 4);
        assert!(!told && release.good.is_some());
        let going = release.towards("b").going("b", |_| {});
        assert_eq!(going.course("b"), Course::Go);
        assert_eq!(decide(&going, ANALYTICS, 4), (going.clone(), false));
        let done = going.settled("b", &sample().image);
        assert_eq!(done.lost, None);
        assert!(decide(&done, ANALYTICS, 4).1, "lost once more");
    }
}
