//! When a login gives its place to the next one, and what its Secret tells of that. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::Ids;
use crds::CredentialsSpec;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Belief, Claim, Keys, Login, Proofs, Store, Usage, password, read_login};
use crate::platform::{Context, States, StepError};

/// Key of the Secret: generation of its content; a process that uses it tells this number.
const EPOCH: &str = "epoch";
/// Key of the Secret: when the login was made.
const ISSUED_AT: &str = "issued-at";
/// Key of the Secret: the last wish to rotate that was obeyed.
const ROTATION: &str = "rotation";

/// What `credentials` of a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From one login to the next.
    pub period: TimeDelta,
    /// Raised to rotate before the date.
    pub rotation: u64,
    /// How long a session of a former login may go on.
    pub patience: TimeDelta,
}

impl From<&CredentialsSpec> for Schedule {
    fn from(spec: &CredentialsSpec) -> Self {
        Self {
            period: TimeDelta::try_seconds(spec.rotation_period_seconds).unwrap_or(TimeDelta::MAX),
            rotation: spec.rotation.unsigned_abs(),
            patience: TimeDelta::try_seconds(spec.session_patience_seconds)
                .unwrap_or(TimeDelta::MAX),
        }
    }
}

/// When logins change, and who has to follow.
#[derive(Clone, Copy)]
pub(crate) struct Rotation<'a> {
    /// What the Platform asks for.
    pub(crate) schedule: Schedule,
    /// Who uses which login.
    pub(crate) usage: &'a dyn Usage,
    /// The time of this pass.
    pub(crate) now: DateTime<Utc>,
    /// Randomness.
    pub(crate) ids: &'a dyn Ids,
    /// Which logins need no proof,
    pub(crate) proofs: &'a Proofs,
    /// as far as these are believed.
    pub(crate) belief: Belief,
}

/// The login of a client, as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The login.
    pub(crate) login: Login,
    /// Set where the client's Secret is lost and this was claimed last: what that claim comes after. It may never have been
    /// set on the server, or not be the one in use.
    pub(crate) claimed_after: Option<u64>,
}

impl<'a> Rotation<'a> {
    /// In a pass over the Platform whose pods `states` asks.
    pub(crate) fn of(
        cx: &'a Context,
        states: &'a States<'_>,
        schedule: Schedule,
        belief: Belief,
    ) -> Self {
        Self {
            schedule,
            usage: states,
            now: cx.clock.now(),
            ids: &*cx.ids,
            proofs: &cx.proofs,
            belief,
        }
    }

    /// Whether a login needs no proof in this pass: its Secret says just what is wanted, and was proved lately.
    pub(crate) fn is_proved(
        &self,
        kept: Option<&Keys>,
        wanted: &Keys,
        login: &Login,
        subject: u64,
    ) -> bool {
        kept.is_some_and(|kept| says(kept, wanted))
            && self
                .proofs
                .holds(&login.user, subject, self.belief, self.now, self.ids)
    }

    /// A login was proved in this pass.
    pub(crate) fn proved(&self, login: &Login, subject: u64) {
        self.proofs.proved(&login.user, subject, self.now, self.ids);
    }

    /// Whether nobody needs to look inside a database in this pass: all was as wanted there not long ago. An upgrade, which goes
    /// by what is inside, looks for itself.
    pub(crate) fn was_seen(&self, database: &str, subject: u64) -> bool {
        self.proofs
            .holds(database, subject, self.belief, self.now, self.ids)
    }

    /// All is as wanted inside a database.
    pub(crate) fn seen(&self, database: &str, subject: u64) {
        self.proofs.proved(database, subject, self.now, self.ids);
    }

    /// It is not, or nobody knows: the next pass looks.
    pub(crate) fn unseen(&self, database: &str) {
        self.proofs.refuted(database, self.now);
    }

    /// The login of a client: the one in its Secret, else the one that was claimed last.
    pub(crate) async fn find(
        &self,
        store: &mut dyn Store,
        client: &str,
        slots: &[String; 2],
        kept: Option<&Keys>,
    ) -> Result<Option<Found>, StepError> {
        let login = kept.and_then(read_login);
        if let Some(login) = login.filter(|login| slots.contains(&login.user)) {
            return Ok(Some(Found {
                login,
                claimed_after: None,
            }));
        }
        let last = store.claims().await?.last(client, slots);
        Ok(last.map(|(login, after)| Found {
            login,
            claimed_after: Some(after),
        }))
    }

    /// The login that takes over in `slot`, written down before anything is done with it.
    pub(crate) async fn claim(
        &self,
        store: &mut dyn Store,
        client: &str,
        slot: &str,
        after: u64,
    ) -> Result<Login, StepError> {
        let drawn = Claim {
            password: password(self.ids),
            after,
        };
        let claim = store.claim(client, slot, drawn).await?;
        Ok(Login {
            user: slot.to_owned(),
            password: claim.password,
        })
    }

    /// Whether the login in `slot` was claimed to follow what the client's Secret has now: it is not a former one then, but one
    /// that takes over, in this process or in another one.
    pub(crate) async fn takes_over(
        &self,
        store: &mut dyn Store,
        client: &str,
        slot: &str,
        after: u64,
    ) -> Result<bool, StepError> {
        // No generation is 0: a Secret that does not tell its own has no successor.
        Ok(after > 0 && store.claims().await?.of(client, slot, after).is_some())
    }

    /// Writes down a login that works and is not: one from before there were claims, or whose claim was lost.
    pub(crate) async fn remember(
        &self,
        store: &mut dyn Store,
        client: &str,
        login: &Login,
        issue: &Issue,
    ) -> Result<(), StepError> {
        if store.claims().await?.knows(client, login) {
            return Ok(());
        }
        let claim = Claim {
            password: login.password.clone(),
            // Before its successor, and after whatever was claimed before it.
            after: issue.epoch.saturating_sub(1),
        };
        store.claim(client, &login.user, claim).await.map(drop)
    }

    /// Whether the next login is due. Never of a Secret that does not tell when its login was made.
    pub(crate) fn is_due(&self, kept: Option<&Keys>) -> bool {
        let issue = kept.and_then(Issue::read);
        issue.is_some_and(|issue| self.now >= issue.due_at(&self.schedule))
    }

    /// How a client's login stands with this content, and the whole of it if it differs from what is kept.
    pub(crate) fn seal(&self, kept: Option<&Keys>, wanted: Keys) -> (Issue, Option<Keys>) {
        sealed(kept, wanted, &self.schedule, self.now)
    }

    /// Keeps the content of a client's Secret, if it differs from what is kept. Tells how the login stands, and whether
    /// the Secret was written.
    pub(crate) async fn keep(
        &self,
        store: &mut dyn Store,
        client: &str,
        kept: Option<&Keys>,
        wanted: Keys,
    ) -> Result<(Issue, bool), StepError> {
        let (issue, content) = self.seal(kept, wanted);
        let written = content.is_some();
        if let Some(content) = content {
            store.keep(client, content).await?;
        }
        Ok((issue, written))
    }

    /// What the former login of `client`, in `slot`, has to wait for before anybody looks at its sessions: the pods, and at
    /// least one pass since its successor was published, since the pods were asked before that.
    pub(crate) async fn waits_for_pods(
        &self,
        client: &str,
        slot: &str,
        issue: &Issue,
        just_written: bool,
    ) -> Result<Option<String>, StepError> {
        let behind = self.usage.behind(client, issue.epoch).await?;
        Ok(match behind.len() {
            0 if just_written => Some(format!("the successor of {slot} was just published")),
            0 => None,
            _ => Some(format!("{slot} may still be used by {}", behind.join(", "))),
        })
    }
}

/// The slot that `user` is not.
pub(crate) fn other_slot<'a>([a, b]: &'a [String; 2], user: &str) -> &'a String {
    if user == a { b } else { a }
}

/// The slot for a login that no Secret names: one that nobody uses, since pods may use the one that is open.
pub(crate) fn free_slot([a, b]: &[String; 2], is_open: impl Fn(&String) -> bool) -> &String {
    if is_open(a) && !is_open(b) { b } else { a }
}

/// A login that works, and what its former one waits for, if that is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Name of the login.
    pub user: String,
    /// How the login stands.
    pub issue: Issue,
    /// In words.
    pub draining: Option<String>,
}

/// How a client's login stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Generation of the Secret; never the same twice.
    pub epoch: u64,
    /// When the login was made.
    pub at: DateTime<Utc>,
    /// The last wish to rotate that was obeyed.
    pub(crate) rotation: u64,
}

impl Issue {
    /// The generation of a Secret's content; 0 of none, and of one that does not tell it.
    pub(crate) fn epoch_of(kept: Option<&Keys>) -> u64 {
        kept.and_then(Self::read).map_or(0, |issue| issue.epoch)
    }

    /// What a Secret tells; `None` of one that does not tell it all.
    pub(crate) fn read(keys: &Keys) -> Option<Self> {
        let text = |key: &str| keys.get(key).map(SecretString::expose_secret);
        Some(Self {
            epoch: text(EPOCH)?.parse().ok()?,
            at: text(ISSUED_AT)?.parse().ok()?,
            rotation: text(ROTATION)?.parse().ok()?,
        })
    }

    /// When the next login is due.
    #[must_use]
    pub fn due_at(&self, schedule: &Schedule) -> DateTime<Utc> {
        if self.rotation < schedule.rotation {
            return self.at;
        }
        self.at
            .checked_add_signed(schedule.period)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Whether a Secret has the wanted content, whatever it tells of how its login stands.
fn says(kept: &Keys, wanted: &Keys) -> bool {
    let own = [EPOCH, ISSUED_AT, ROTATION];
    let others = kept.iter().filter(|(key, _)| !own.contains(&key.as_str()));
    let others = others.map(|(key, value)| (key, value.expose_secret()));
    others.eq(wanted
        .iter()
        .map(|(key, value)| (key, value.expose_secret())))
}

/// Completes the content of a client's Secret, and tells how it stands: the generation grows with each change, the date
/// is that of the login. Without content when what is kept says all of it already.
fn sealed(
    kept: Option<&Keys>,
    mut wanted: Keys,
    schedule: &Schedule,
    now: DateTime<Utc>,
) -> (Issue, Option<Keys>) {
    let before = kept.and_then(Issue::read);
    let text = |keys: &Keys, key: &str| keys.get(key).map(|value| value.expose_secret().to_owned());
    let same = kept.is_some_and(|kept| says(kept, &wanted));
    let login = |keys: &Keys| {
        let login = read_login(keys)?;
        Some((login.user, login.password.expose_secret().to_owned()))
    };
    match before {
        Some(issue) if same => (issue, None),
        before => {
            let goes_on = kept.is_some_and(|kept| login(kept) == login(&wanted));
            let former = kept.and_then(|kept| text(kept, EPOCH)?.parse::<u64>().ok());
            // Seconds since 1970, so that no number comes twice, not even after the Secret was lost or put back.
            let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
            let issue = Issue {
                epoch: former.unwrap_or_default().saturating_add(1).max(seconds),
                at: before
                    .as_ref()
                    .filter(|_| goes_on)
                    .map_or(now, |before| before.at),
                rotation: before
                    .filter(|_| goes_on)
                    .map_or(schedule.rotation, |before| before.rotation),
            };
            let own = [
                (EPOCH, issue.epoch.to_string()),
                (ISSUED_AT, issue.at.to_rfc3339()),
                (ROTATION, issue.rotation.to_string()),
            ];
            wanted.extend(own.map(|(key, value)| (key.to_owned(), SecretString::from(value))));
            (issue, Some(wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        period: TimeDelta::days(30),
        rotation: 0,
        patience: TimeDelta::minutes(2),
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("in range")
    }

    fn keys(password: &str, ca: &str) -> Keys {
        [
            ("url", format!("redis://u:{password}@h:1/")),
            ("ca.crt", ca.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), SecretString::from(value)))
        .into()
    }

    #[test]
    fn a_spec_that_says_nothing_asks_for_a_login_each_month() {
        assert_eq!(Schedule::from(&CredentialsSpec::default()), SCHEDULE);
    }

    #[test]
    fn the_generation_grows_with_each_change_and_the_date_with_the_login() {
        let (first, content) = sealed(None, keys("a", "1"), &SCHEDULE, now());
        let seconds = |at: DateTime<Utc>| u64::try_from(at.timestamp()).expect("since 1970");
        assert_eq!((first.epoch, first.at), (seconds(now()), now()));
        let kept = content.expect("new");
        assert_eq!(Issue::read(&kept), Some(first.clone()));
        let later = now() + TimeDelta::days(1);
        let (same, content) = sealed(Some(&kept), keys("a", "1"), &SCHEDULE, later);
        assert_eq!(same, first);
        assert!(content.is_none(), "nothing to write");

        let (other_ca, content) = sealed(Some(&kept), keys("a", "2"), &SCHEDULE, later);
        assert_eq!((other_ca.epoch, other_ca.at), (seconds(later), now()));
        let kept = content.expect("changed");
        let (other_login, _) = sealed(Some(&kept), keys("b", "2"), &SCHEDULE, later);
        assert_eq!(
            (other_login.epoch, other_login.at),
            (seconds(later) + 1, later)
        );
        let mut fewer = keys("a", "2");
        fewer.remove("ca.crt");
        assert!(sealed(Some(&kept), fewer, &SCHEDULE, later).1.is_some());
        // A clock that goes back repeats nothing, and neither does a Secret that was lost.
        let (back, _) = sealed(Some(&kept), keys("c", "2"), &SCHEDULE, now());
        assert_eq!(back.epoch, seconds(later) + 1);
        assert_eq!(
            sealed(None, keys("c", "2"), &SCHEDULE, later + SCHEDULE.period)
                .0
                .epoch,
            seconds(later + SCHEDULE.period)
        );
    }

    #[test]
    fn a_proof_is_of_a_secret_that_says_what_is_wanted() {
        let rotation = Rotation {
            belief: Belief::of(true),
            ..crate::credentials::memory::at_rest()
        };
        let login = Login {
            user: "a-proof-is-of-a-secret".to_owned(),
            password: SecretString::from("a"),
        };
        let (_, content) = sealed(None, keys("a", "1"), &SCHEDULE, now());
        let kept = content.expect("new");
        rotation.proved(&login, 1);
        let proved = |kept: Option<&Keys>, wanted: Keys, subject| {
            rotation.is_proved(kept, &wanted, &login, subject)
        };
        assert!(proved(Some(&kept), keys("a", "1"), 1));
        assert!(!proved(Some(&kept), keys("a", "1"), 2), "at another server");
        assert!(!proved(Some(&kept), keys("a", "2"), 1), "another authority");
        assert!(!proved(Some(&keys("b", "1")), keys("a", "1"), 1), "edited");
        assert!(!proved(None, keys("a", "1"), 1), "lost");
    }

    #[test]
    fn what_was_edited_by_hand_is_a_generation_of_its_own() {
        let (_, content) = sealed(None, keys("a", "1"), &SCHEDULE, now());
        let mut edited = content.expect("new");
        edited.insert(ISSUED_AT.to_owned(), SecretString::from("yesterday"));
        let (issue, content) = sealed(Some(&edited), keys("a", "1"), &SCHEDULE, now());
        assert_eq!(issue.at, now());
        assert!(content.is_some());
    }

    #[test]
    fn a_login_is_due_at_its_date_or_by_a_wish_that_was_not_obeyed() {
        let (issue, _) = sealed(None, keys("a", "1"), &SCHEDULE, now());
        assert_eq!(issue.due_at(&SCHEDULE), now() + TimeDelta::days(30));
        let wish = Schedule {
            rotation: 1,
            ..SCHEDULE
        };
        assert_eq!(issue.due_at(&wish), now());
        let (kept, _) = sealed(None, keys("a", "1"), &wish, now());
        assert_eq!(kept.due_at(&wish), now() + TimeDelta::days(30));
    }
}
