//! A database that was migrated and has no table any more: it was dropped, or another server stands at its address, and the
//! pass has made it again, empty. Nothing is migrated over that by itself. It would be a second beginning, in which people
//! work, and in the way of whoever comes with the backup: a person says so first.

use std::collections::BTreeSet;

use crds::Reason;

use super::release::{Loss, Release, Stored};
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
    let found = Loss {
        retry: p.migration.retry,
        application: is_empty(&application),
        analytics: is_empty(&analytics),
    };
    let (release, told) = decide(&stored.release, found);
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

/// What is remembered after this was found, and whether nothing may go on. Pure.
fn decide(release: &Release, found: Loss) -> (Release, bool) {
    // Before the first image worked, they have yet to be filled.
    if release.good.is_none() {
        return (release.clone(), false);
    }
    if !found.application && !found.analytics {
        return (release.with_loss(None), false);
    }
    match release.lost {
        // A person can only mean what they were told.
        Some(told)
            if found.application <= told.application && found.analytics <= told.analytics =>
        {
            if found.retry <= told.retry {
                return (release.clone(), true);
            }
            // Analytics alone is migrated as in any upgrade: the application must go on with what it has.
            let release = if found.application {
                release.anew()
            } else {
                release.clone()
            };
            (release, false)
        }
        _ => (release.with_loss(Some(found)), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::validate::sample::sample, upgrade::release::Course};

    fn found(application: bool, analytics: bool, retry: i64) -> Loss {
        Loss {
            retry,
            application,
            analytics,
        }
    }

    fn settled() -> Release {
        Release::default().settled("a", &sample().image)
    }

    #[test]
    fn before_the_first_image_worked_nothing_is_lost() {
        let first = Release::default().going("a", |upgrade| upgrade.whole = true);
        assert_eq!(decide(&first, found(true, true, 0)), (first, false));
    }

    #[test]
    fn a_loss_is_told_until_the_backup_is_there() {
        for application in [true, false] {
            let gone = found(application, true, 3);
            let (lost, told) = decide(&settled(), gone);
            assert!(told && lost.lost == Some(gone));
            assert_eq!(decide(&lost, gone), (lost.clone(), true), "told again");
            let restored = decide(&lost, found(false, false, 3));
            assert_eq!(restored, (settled(), false));
        }
    }

    #[test]
    fn a_person_who_says_so_begins_anew() {
        let (lost, _) = decide(&settled(), found(true, true, 3));
        let (anew, told) = decide(&lost, found(true, true, 4));
        assert!(!told && anew.good.is_none() && anew.lost.is_none());
        assert_eq!(anew.course("b"), Course::Go);
        assert_ne!(anew.id("a"), Release::default().id("a"), "other Jobs");
    }

    #[test]
    fn another_image_is_no_consent() {
        let (lost, _) = decide(&settled(), found(true, true, 3));
        let other = lost.towards("another image").going("another image", |_| {});
        assert!(decide(&other, found(true, true, 3)).1);
    }

    /// The application has people: its roles go on until the new tables of analytics are there.
    #[test]
    fn analytics_alone_is_migrated_beside_what_runs() {
        let (lost, _) = decide(&settled(), found(false, true, 3));
        let consent = found(false, true, 4);
        let (release, told) = decide(&lost, consent);
        assert!(!told && release.good.is_some());
        let going = release.towards("b").going("b", |_| {});
        assert_eq!(going.course("b"), Course::Go);
        assert_eq!(decide(&going, consent), (going.clone(), false));
        let done = going.settled("b", &sample().image);
        assert_eq!(done.lost, None);
        assert!(decide(&done, consent).1, "lost once more");
    }

    #[test]
    fn who_gives_up_analytics_does_not_give_up_the_application() {
        let (lost, _) = decide(&settled(), found(false, true, 3));
        let (going, _) = decide(&lost, found(false, true, 4));
        let (worse, told) = decide(&going, found(true, true, 4));
        assert!(told, "nobody was told of it");
        assert!(decide(&worse, found(true, true, 4)).1);
        assert!(!decide(&worse, found(true, true, 5)).1);
    }
}
