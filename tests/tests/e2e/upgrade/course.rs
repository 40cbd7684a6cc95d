//! What the upgrades under load go to, one after the other, and what each of them has to leave behind.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{
    cluster::Cluster,
    platform::{Platform, ROLES},
    wait::wait_for,
};
use tokio::time::Instant;

use super::{
    READY, asked, image,
    migration::{as_before, hold, kill_half_way, owner, require_migrated},
    runs_only, shown,
};

/// What an upgrade of the test goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The same program under the other tag. What an image that was given up has left of its migration is applied on the way.
    Other,
    /// The same over the tables of a former version: one migration comes before the roles, and one after them.
    Migrated,
    /// As before, and the Job of the first of them is killed in the middle of its index.
    Killed,
    /// An image whose roles end at once, when the first migration is applied; the former version goes on with that.
    Broken,
    /// An image that no node can get.
    Missing,
}

impl To {
    /// Whether something is in the way.
    pub(super) fn is_broken(self) -> bool {
        matches!(self, Self::Killed | Self::Broken | Self::Missing)
    }

    /// Whether it begins over the tables of a former version.
    pub(super) fn migrates(self) -> bool {
        matches!(self, Self::Migrated | Self::Killed | Self::Broken)
    }
}

/// A migration, an image that is given up in the middle of one, what is left of that, and an image that is not there; when there
/// is time, twenty with five that are in some way broken.
pub(super) fn course(is_long: bool) -> Vec<To> {
    use To::{Broken, Killed, Migrated, Missing, Other};
    if !is_long {
        return vec![Migrated, Broken, Other, Missing];
    }
    let mut course: Vec<To> = std::iter::repeat_n(Other, 20).collect();
    for (place, to) in [
        (0, Migrated),
        (2, Broken),
        (5, Migrated),
        (6, Missing),
        (8, Migrated),
        (10, Broken),
        (12, Migrated),
        (14, Killed),
        (16, Migrated),
        (18, Missing),
    ] {
        course[place] = to;
    }
    course
}

/// What a row of upgrades came to.
#[derive(Debug, Default)]
pub(super) struct Upgraded {
    /// Each with the seconds that it took.
    pub(super) took: Vec<(To, u64)>,
    /// What a person saw of the broken ones.
    pub(super) shown: Vec<String>,
}

/// Upgrades as `course` says.
pub(super) async fn upgrade(
    cluster: &Cluster,
    platform: &Platform,
    spec: &mut Value,
    course: &[To],
) -> Result<Upgraded> {
    let mut upgraded = Upgraded::default();
    let (mut now, mut other) = (
        cluster.status.image.clone(),
        cluster.status.images.next.clone(),
    );
    for to in course {
        let begun = Instant::now();
        if to.migrates() {
            as_before(&mut owner(cluster, platform).await?).await?;
        }
        match to {
            To::Other | To::Migrated | To::Killed => {
                spec["image"] = image(&other)?;
                if *to == To::Killed {
                    let older = hold(cluster, platform).await?;
                    platform.apply(spec).await?;
                    kill_half_way(cluster, platform, older).await?;
                } else {
                    platform.apply(spec).await?;
                }
                roll_in_order(cluster, platform, &other).await?;
                platform.ready(READY).await?;
                std::mem::swap(&mut now, &mut other);
            }
            To::Broken => {
                spec["image"] = image(&cluster.status.images.broken)?;
                platform.apply(spec).await?;
                platform.told("RolesReady", "role web", READY).await?;
                upgraded.shown.push(shown(cluster, platform)?);
                let told = platform.told("RolesReady", "again.", READY).await?;
                ensure!(told.reason == "RolledBack", "{told:?}");
                upgraded.shown.push(shown(cluster, platform)?);
            }
            To::Missing => {
                spec["image"] = json!({"repository": "crewdeck.io/crewdeck", "tag": "no-such-tag"});
                platform.apply(spec).await?;
                platform.told("Migrated", "no-such-tag", READY).await?;
            }
        }
        runs_only(cluster, platform, &now).await?;
        require_migrated(cluster, platform, *to != To::Broken).await?;
        upgraded.took.push((*to, begun.elapsed().as_secs()));
    }
    Ok(upgraded)
}

/// Looks on while the roles come to this image: those that were asked to are always the first ones of their order.
async fn roll_in_order(cluster: &Cluster, platform: &Platform, image: &str) -> Result<()> {
    let mut stages = BTreeSet::new();
    loop {
        let done = wait_for("the next role is asked to roll", READY, async || {
            let asked = asked(cluster, platform).await?;
            let is_new = |role: &&str| asked.get(*role).is_some_and(|asked| asked == image);
            let new: Vec<&str> = ROLES.into_iter().filter(is_new).collect();
            ensure!(!new.is_empty() && !stages.contains(&new.len()), "{asked:?}");
            Ok(new)
        })
        .await?;
        ensure!(
            ROLES.starts_with(&done),
            "the roles roll out of order: {done:?} before the others"
        );
        stages.insert(done.len());
        if done.len() == ROLES.len() {
            break;
        }
    }
    // Of roles that were all asked at once it would prove nothing.
    ensure!(stages.len() >= 3, "only {stages:?} were seen");
    Ok(())
}

#[test]
fn each_course_migrates_and_finds_no_rest_where_it_begins_one() {
    let count = |course: &[To], is: fn(&To) -> bool| course.iter().filter(|to| is(to)).count();
    for (is_long, steps, broken, migrating) in [(false, 4, 2, 2), (true, 20, 5, 8)] {
        let course = course(is_long);
        assert_eq!(course.len(), steps);
        assert_eq!(count(&course, |to| to.is_broken()), broken);
        assert_eq!(count(&course, |to| to.migrates()), migrating);
        // What is left of a migration is done by the next upgrade alone.
        let rest = course.windows(2).filter(|pair| pair[0] == To::Broken);
        assert!(rest.map(|pair| pair[1]).all(|next| next == To::Other));
    }
}
