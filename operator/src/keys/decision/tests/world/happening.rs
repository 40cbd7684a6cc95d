//! What may happen, and how it is drawn.

use super::*;

/// Somebody else writes what is published.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edit {
    /// A key of their own, of a later generation, with a seal of theirs or the one that was there.
    Stranger(bool),
    /// The key set without the next key.
    WithoutNext,
    /// No key set at all.
    NoSet,
    /// A key set that is no JSON.
    Garbage,
    /// A key that signs that is no key.
    Damage,
    /// No key that signs.
    NoKey,
}

/// What may happen.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// Seconds go by.
    Wait(i64),
    /// It is so many seconds after the next date that the operator has.
    Due(i64),
    /// Every clock goes back by this many seconds.
    Back(i64),
    /// The operator's own clock is ahead by this many seconds from now on.
    Off(i64),
    /// A pod gets the key set as it is.
    SyncSet(usize),
    /// A pod gets the key that signs as it is.
    SyncKey(usize),
    /// Another pod takes its place.
    Replace(usize),
    /// A pod is started anew, with the files that it had.
    Roll(usize),
    /// A pod takes requests, or none.
    Ready(usize, bool),
    /// A pod answers the operator, or does not.
    Answers(usize, bool),
    /// A pod signs a token.
    Sign(usize),
    /// Every pod gets the files as they are, and signs a token.
    Work,
    /// The operator makes a pass and is killed after this many writes.
    Pass(usize),
    /// The ring is put aside.
    Backup,
    /// The ring is lost.
    Lose,
    /// The ring is put back to how it was.
    Restore,
    /// One of the public keys is to be denied.
    Revoke(usize),
    /// A rotation before its date is wished.
    Rotate,
    /// The times are to be these.
    Retime(Timings),
    /// Somebody edits a projection.
    Edit(Edit),
}

/// Times that the rules of the resource allow, most of them as short as can be.
pub(super) fn timings() -> impl Strategy<Value = Timings> {
    let parts = (1i64..=300, 1i64..=60, 1i64..=120, 5i64..=900);
    let more = || prop_oneof![2 => Just(0i64), 1 => 1i64..=600];
    (parts, more(), more(), more()).prop_map(|((cache, skew, propagation, token), a, b, c)| {
        let floor = cache + skew + propagation;
        let (lead, retention) = (floor.max(5) + a, token + floor + b);
        Timings {
            period: TimeDelta::seconds((lead + retention).max(30) + c),
            lead: TimeDelta::seconds(lead),
            retention: TimeDelta::seconds(retention),
            token: TimeDelta::seconds(token),
            cache: TimeDelta::seconds(cache),
            skew: TimeDelta::seconds(skew),
            propagation: TimeDelta::seconds(propagation),
        }
    })
}

pub(super) fn happening() -> impl Strategy<Value = Happening> {
    let pod = || 0usize..PODS;
    prop_oneof![
        8 => (1i64..600).prop_map(Happening::Wait),
        2 => (600i64..10_000).prop_map(Happening::Wait),
        1 => (86_400i64..3_000_000).prop_map(Happening::Wait),
        8 => prop_oneof![-1i64..=1, -30i64..=0].prop_map(Happening::Due),
        6 => Just(Happening::Work),
        1 => (1i64..5_000).prop_map(Happening::Back),
        3 => prop_oneof![Just(0), -30i64..=30, 20i64..=30, -90_000i64..=90_000].prop_map(Happening::Off),
        6 => pod().prop_map(Happening::SyncSet),
        6 => pod().prop_map(Happening::SyncKey),
        2 => pod().prop_map(Happening::Replace),
        1 => pod().prop_map(Happening::Roll),
        2 => (pod(), any::<bool>()).prop_map(|(pod, ready)| Happening::Ready(pod, ready)),
        2 => (pod(), any::<bool>()).prop_map(|(pod, answers)| Happening::Answers(pod, answers)),
        8 => pod().prop_map(Happening::Sign),
        14 => (0usize..16).prop_map(Happening::Pass),
        1 => Just(Happening::Backup),
        1 => Just(Happening::Lose),
        1 => Just(Happening::Restore),
        1 => (0usize..8).prop_map(Happening::Revoke),
        3 => Just(Happening::Rotate),
        2 => timings().prop_map(Happening::Retime),
        2 => edit().prop_map(Happening::Edit),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<bool>().prop_map(Edit::Stranger),
        Just(Edit::WithoutNext),
        Just(Edit::NoSet),
        Just(Edit::Garbage),
        Just(Edit::Damage),
        Just(Edit::NoKey),
    ]
}

impl World {
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Stranger(sealed) => self.add_stranger(sealed),
            Edit::WithoutNext => {
                let ring = self.ring.as_ref();
                if let Some(next) = ring.and_then(KeyRing::next).map(|key| key.kid.clone()) {
                    self.edit_keys(|keys| keys.retain(|key| key["kid"] != next.as_str()));
                }
            }
            Edit::NoSet => {
                (self.files.jwks, self.files.meta, self.files.seal) = (None, None, None);
            }
            Edit::Garbage => self.files.jwks = Some("garbage".to_owned()),
            Edit::Damage => self.files.signing = Some(SecretString::from("{}")),
            Edit::NoKey => self.files.signing = None,
        }
        self.rules.edited(&self.files);
    }

    fn add_stranger(&mut self, sealed: bool) {
        let own = KeyRing::born(&fresh(STRANGERS), &fresh(STRANGERS + 1), 900, start());
        let jwk = own.keys[0].public_jwk.clone();
        self.edit_keys(|keys| keys.push(jwk));
        let epoch = epoch_of(self.files.meta.as_deref()) + 3;
        let meta = json!({"epoch": epoch, "dataTimestamp": self.now + TimeDelta::days(9)});
        self.files.meta = Some(meta.to_string());
        if let (Some(jwks), Some(meta), true) = (&self.files.jwks, &self.files.meta, sealed) {
            self.files.seal = Some(seal_json(&own, jwks, meta));
        }
    }

    fn edit_keys(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let set = self.files.jwks.as_deref().unwrap_or_default();
        let Ok(mut set) = serde_json::from_str::<Value>(set) else {
            return;
        };
        if let Some(keys) = set["keys"].as_array_mut() {
            change(keys);
        }
        self.files.jwks = Some(set.to_string());
    }
}
