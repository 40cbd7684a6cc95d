//! ConfigMap `P-release`: the image that every role ran last, and how far the way to another one is. It is the only
//! memory of an upgrade: what was decided stays decided when the operator or a Job dies.

use std::collections::BTreeMap;

use crds::{OnFailure, Reason};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::plan::Plan;
use crate::hex::hex;
use crate::platform::{
    Context, StepError,
    apply::kube::{ensure_over, require_ours},
    metadata::metadata,
    validate::{Image, ValidatedPlatform},
};

const KEY: &str = "release.json";

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Release {
    /// Upgrades that have come to an end, well or not.
    #[serde(default)]
    ended: u64,
    /// Whether an upgrade was left while its roles rolled: some run its image, some the one before.
    #[serde(default)]
    pub(super) mixed: bool,
    /// The image that all roles ran, with the databases as it wants them.
    pub(super) good: Option<Good>,
    /// The upgrade that is under way, or that was given up.
    pub(super) upgrade: Option<Upgrade>,
    /// What was found to be lost. It counts until an image that works is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lost: Option<Loss>,
}

/// Databases that had tables and have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Loss {
    /// `migration.retry` of the spec when that was found: a higher one is the consent to begin anew.
    pub(super) retry: i64,
    /// The application's.
    pub(super) application: bool,
    /// That of analytics.
    pub(super) analytics: bool,
}

/// An image that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Good {
    /// What was wanted then: see [`wish`]. None while the rest of its migration is not applied.
    #[serde(default)]
    wish: Option<String>,
    /// Reference of the image.
    image: String,
    /// Its version.
    pub(super) version: String,
}

/// The way to another image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upgrade {
    /// What is wanted: see [`wish`].
    wish: String,
    /// Whether it is the first over these databases: no version has to be kept working, and all is migrated at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
    /// What it does to the databases in parts, once the image has told.
    pub(super) plan: Option<Plan>,
    /// How far it is.
    #[serde(default)]
    pub(super) stage: Stage,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
}

/// How far an upgrade is. Each stage is written down before the first thing that belongs to it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Its plan, the consent to it, the migrations that the former version works with: the roles are not touched.
    #[default]
    Preparing,
    /// The roles.
    Rolling,
    /// What only the new version works with: there is no way back.
    Contracting,
}

/// What to do about the image of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Course {
    /// Every role came to it: only drift is put right.
    Stay,
    /// Begin an upgrade to it, or go on with that.
    Go,
    /// It was tried and given up: the roles run the image before.
    Back {
        /// The image before.
        good: Good,
        /// Why.
        why: String,
    },
}

/// What is wanted: another image, another server or database, or another try, is another wish. So is that of another
/// Platform of this name, whose object may have been orphaned.
pub(super) fn wish(p: &ValidatedPlatform) -> String {
    digits([
        &p.uid,
        p.image.reference.as_str(),
        &p.migration.retry.to_string(),
        &p.postgres.host,
        &p.postgres.port.to_string(),
        &p.external.database(),
    ])
}

/// Eight hexadecimal digits that stand for these words.
fn digits<const N: usize>(words: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        // Its length keeps two neighbours apart.
        hash.update(word.len().to_be_bytes());
        hash.update(word.as_bytes());
    }
    hex(&hash.finalize()[..4])
}

impl Release {
    /// Name of the upgrade to a wish. Coming to the same image again later is another upgrade, and its Jobs are others.
    pub(super) fn id(&self, wish: &str) -> String {
        digits([wish, &self.ended.to_string()])
    }

    /// The same, without an upgrade that leads elsewhere.
    pub(super) fn towards(&self, wish: &str) -> Self {
        match &self.upgrade {
            Some(upgrade) if upgrade.wish != wish => Self {
                ended: self.ended + 1,
                mixed: self.mixed || upgrade.stage == Stage::Rolling,
                good: self.good.clone(),
                upgrade: None,
                lost: self.lost,
            },
            _ => self.clone(),
        }
    }

    /// How far the upgrade is. Nothing rolls without a plan.
    pub(super) fn stage(&self) -> Stage {
        self.upgrade
            .as_ref()
            .filter(|upgrade| upgrade.plan.is_some())
            .map_or(Stage::Preparing, |upgrade| upgrade.stage)
    }

    /// What the upgrade does to the databases, once the image has told.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.upgrade.as_ref()?.plan.as_ref()
    }

    /// Whether all is migrated at once.
    pub(super) fn is_whole(&self) -> bool {
        self.upgrade.as_ref().is_some_and(|upgrade| upgrade.whole)
    }

    /// What to do about a wish.
    pub(super) fn course(&self, wish: &str) -> Course {
        let refused = self
            .upgrade
            .as_ref()
            .and_then(|upgrade| upgrade.refused.clone());
        match (&self.good, refused) {
            (Some(good), _) if good.wish.as_deref() == Some(wish) => Course::Stay,
            (Some(good), Some(why)) => Course::Back {
                good: good.clone(),
                why,
            },
            _ => Course::Go,
        }
    }

    /// Whether what comes next to a wish goes by what is inside the databases.
    pub(super) fn is_to_be_prepared(&self, wish: &str) -> bool {
        matches!(self.course(wish), Course::Go) && self.stage() == Stage::Preparing
    }

    /// The same with an upgrade under way, in the state that `change` gives it.
    pub(super) fn going(&self, wish: &str, change: impl FnOnce(&mut Upgrade)) -> Self {
        let mut upgrade = self.upgrade.clone().unwrap_or_else(|| Upgrade {
            wish: wish.to_owned(),
            whole: false,
            plan: None,
            stage: Stage::Preparing,
            refused: None,
        });
        change(&mut upgrade);
        Self {
            upgrade: Some(upgrade),
            ..self.clone()
        }
    }

    /// Before the rest of the migration: every role runs the image, and the one before it is no way back any more.
    pub(super) fn contracting(&self, wish: &str, image: &Image) -> Self {
        let mut release = self.going(wish, |upgrade| upgrade.stage = Stage::Contracting);
        release.good = Some(Good::of_image(None, image));
        release
    }

    /// After the upgrade: its image is the one to go back to.
    pub(super) fn settled(&self, wish: &str, image: &Image) -> Self {
        Self {
            ended: self.ended + 1,
            mixed: false,
            good: Some(Good::of_image(Some(wish.to_owned()), image)),
            upgrade: None,
            lost: None,
        }
    }

    /// The same, with what is known of a loss.
    pub(super) fn with_loss(&self, lost: Option<Loss>) -> Self {
        Self {
            lost,
            ..self.clone()
        }
    }

    /// From the beginning: whatever worked, worked with tables that are gone, and Jobs of before are of another upgrade.
    pub(super) fn anew(&self) -> Self {
        Self {
            ended: self.ended + 1,
            ..Self::default()
        }
    }

    /// The image that a failed roll to `image` goes back to; `None` when there is no way back.
    pub(super) fn way_back(&self, image: &str, policy: OnFailure) -> Option<&Good> {
        self.good.as_ref().filter(|good| {
            policy == OnFailure::Rollback
                && self.stage() < Stage::Contracting
                && good.image != image
        })
    }
}

impl Good {
    fn of_image(wish: Option<String>, image: &Image) -> Self {
        Self {
            wish,
            image: image.reference.clone(),
            version: image.version.clone(),
        }
    }

    /// A Platform with this image, pulled as its spec says.
    pub(super) fn of(&self, p: &ValidatedPlatform) -> ValidatedPlatform {
        let mut p = p.clone();
        p.image.reference.clone_from(&self.image);
        p.image.version.clone_from(&self.version);
        p
    }
}

/// What is remembered, and the version of the object it was read from.
#[derive(Debug)]
pub(super) struct Stored {
    /// What is remembered.
    pub(super) release: Release,
    version: Option<String>,
}

impl Stored {
    /// Reads it, live. What cannot be read is as good as nothing: the way is gone again, and every step of it finds
    /// itself done.
    pub(super) async fn read(cx: &Context, p: &ValidatedPlatform) -> Result<Self, StepError> {
        let api: Api<ConfigMap> = Api::namespaced(cx.client.clone(), &p.namespace);
        let what = format!("ConfigMap {}/{}", p.namespace, object(p));
        let found = api
            .get_opt(&object(p))
            .await
            .map_err(|error| StepError::of_kube(&what, &error))?;
        let Some(found) = found else {
            return Ok(Self {
                release: Release::default(),
                version: None,
            });
        };
        require_ours(&what, &found.metadata, &metadata(p, object(p), None))?;
        let version = found.resource_version();
        let text = found.data.and_then(|mut data| data.remove(KEY));
        let release = text
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .inspect_err(|error| tracing::error!(%error, object = what, "set aside"))
            .unwrap_or_default()
            .unwrap_or_default();
        Ok(Self { release, version })
    }

    /// Writes it over exactly the version that was read.
    pub(super) async fn write(
        &mut self,
        cx: &Context,
        p: &ValidatedPlatform,
        release: Release,
    ) -> Result<(), StepError> {
        if release == self.release {
            return Ok(());
        }
        let text = serde_json::to_string(&release).map_err(|error| {
            StepError::terminal(Reason::ApplyRefused, format!("{}: {error}", object(p)))
        })?;
        let wanted = ConfigMap {
            metadata: metadata(p, object(p), None),
            data: Some(BTreeMap::from([(KEY.to_owned(), text)])),
            ..ConfigMap::default()
        };
        self.version = ensure_over(cx, &wanted, self.version.as_ref()).await?;
        self.release = release;
        Ok(())
    }
}

fn object(p: &ValidatedPlatform) -> String {
    format!("{}-release", p.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{platform::validate::sample::sample, upgrade::plan::planned};

    fn image(version: &str) -> Image {
        Image {
            reference: format!("crewdeck:{version}"),
            version: version.to_owned(),
            ..sample().image
        }
    }

    /// At the image of wish `a`, on the way to that of wish `b`.
    fn between() -> Release {
        Release::default()
            .settled("a", &image("1"))
            .going("b", |upgrade| upgrade.plan = Some(planned(&[])))
    }

    fn refused(release: &Release, wish: &str) -> Release {
        release.going(wish, |upgrade| {
            upgrade.refused = Some("it crashed".to_owned());
        })
    }

    #[test]
    fn another_image_server_or_try_is_another_wish() {
        let p = sample();
        let (mut image, mut retry, mut server) = (p.clone(), p.clone(), p.clone());
        server.postgres.host = "other.example.org".to_owned();
        image.image.reference = "crewdeck.io/crewdeck:0.2.0".to_owned();
        retry.migration.retry = 1;
        let wishes: BTreeSet<_> = [&p, &image, &retry, &server].map(wish).into();
        assert_eq!(wishes.len(), 4, "{wishes:?}");
    }

    #[test]
    fn the_same_image_again_is_another_upgrade() {
        let first = Release::default();
        let second = first.settled("a", &image("1"));
        let third = second.settled("b", &image("2"));
        let fourth = refused(&third.going("a", |_| {}), "a").towards("b");
        let ids: BTreeSet<_> = [&first, &second, &third, &fourth]
            .map(|release| release.id("a"))
            .into();
        assert_eq!(ids.len(), 4, "{ids:?}");
    }

    #[test]
    fn what_was_left_in_the_middle_of_a_roll_is_mixed() {
        let rolling = between().going("b", |upgrade| upgrade.stage = Stage::Rolling);
        assert!(!between().towards("c").mixed);
        assert!(rolling.towards("c").mixed && !rolling.towards("b").mixed);
        assert!(!rolling.towards("c").settled("c", &image("3")).mixed);
        let unplanned = rolling.going("b", |upgrade| upgrade.plan = None);
        assert_eq!(unplanned.stage(), Stage::Preparing);
    }

    #[test]
    fn only_what_is_prepared_goes_by_what_is_inside_the_databases() {
        let settled = Release::default().settled("a", &image("1"));
        let rolling = between().going("b", |upgrade| upgrade.stage = Stage::Rolling);
        assert!(Release::default().is_to_be_prepared("a"));
        assert!(settled.is_to_be_prepared("b") && between().is_to_be_prepared("b"));
        assert!(!settled.is_to_be_prepared("a"));
        assert!(!rolling.is_to_be_prepared("b"));
        assert!(!refused(&between(), "b").is_to_be_prepared("b"));
    }

    #[test]
    fn after_a_loss_the_same_wish_is_another_upgrade() {
        let settled = Release::default().settled("a", &image("1"));
        let anew = settled.anew();
        assert_eq!(anew.course("a"), Course::Go);
        assert_ne!(anew.id("a"), Release::default().id("a"));
        assert_eq!(anew.way_back("crewdeck:2", OnFailure::Rollback), None);
    }

    #[test]
    fn what_is_migrated_at_once_stays_so_and_rolls_without_parts() {
        let whole = Release::default().going("a", |upgrade| upgrade.whole = true);
        let text = serde_json::to_string(&whole).expect("JSON");
        let read: Release = serde_json::from_str(&text).expect("read");
        assert!(read.towards("a").is_whole() && !read.towards("b").is_whole());
        let rolling = read.going("a", |upgrade| {
            upgrade.plan.get_or_insert_default();
            upgrade.stage = Stage::Rolling;
        });
        assert_eq!(rolling.stage(), Stage::Rolling);
        assert!(!rolling.plan().expect("a plan").contracts());
    }

    #[test]
    fn a_given_up_upgrade_is_not_tried_again_and_another_one_is() {
        let release = between();
        assert_eq!(release.towards("b"), release);
        assert_eq!(release.course("b"), Course::Go);
        assert_eq!(release.towards("a").course("a"), Course::Stay);
        let release = refused(&release, "b");
        let Course::Back { good, why } = release.course("b") else {
            panic!("{release:?}");
        };
        assert_eq!((good.version.as_str(), why.as_str()), ("1", "it crashed"));
        assert_eq!(release.towards("a").course("a"), Course::Stay);
        assert_eq!(release.towards("c").course("c"), Course::Go);
        // A person who went back and comes again means it.
        assert_eq!(release.towards("a").towards("b").course("b"), Course::Go);
    }

    #[test]
    fn there_is_no_way_back_behind_the_contract_or_before_the_first_image() {
        let back = |release: &Release, image, policy| {
            release
                .way_back(image, policy)
                .map(|good| good.version.clone())
        };
        let release = between();
        assert_eq!(
            back(&release, "crewdeck:2", OnFailure::Rollback).as_deref(),
            Some("1")
        );
        assert_eq!(back(&release, "crewdeck:2", OnFailure::Hold), None);
        assert_eq!(back(&release, "crewdeck:1", OnFailure::Rollback), None);
        let contracting = release.contracting("b", &image("2"));
        assert_eq!(back(&contracting, "crewdeck:2", OnFailure::Rollback), None);
        // The one that is left has the image that was reached.
        let elsewhere = contracting.towards("c");
        assert_eq!(
            back(&elsewhere, "crewdeck:3", OnFailure::Rollback).as_deref(),
            Some("2")
        );
        assert_eq!(contracting.towards("a").course("a"), Course::Go);
        assert_eq!(contracting.course("b"), Course::Go);
        let first = Release::default().going("b", |_| {});
        assert_eq!(back(&first, "crewdeck:2", OnFailure::Rollback), None);
    }
}
