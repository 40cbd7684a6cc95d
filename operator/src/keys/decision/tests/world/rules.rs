//! What has to hold, by what really happened: which tokens are out, and since when each key is published without a gap.

use super::*;

struct Token {
    kid: String,
    ends: DateTime<Utc>,
}

/// What is remembered to judge by. Nothing of it is known to the operator.
pub(super) struct Rules {
    tokens: Vec<Token>,
    /// Seconds that have gone by, whatever any clock says.
    elapsed: i64,
    /// Since when each key is in the set, while it has not signed.
    published: BTreeMap<String, i64>,
    /// For how long each key has to have been, when it began to sign.
    lead: BTreeMap<String, i64>,
    /// Keys that sign without that: the first ones of a Platform, and what takes the place of a denied one.
    excused: BTreeSet<String>,
    /// Whether the ring is not what the operator wrote last, and whether a projection is not.
    replaced: bool,
    edited: bool,
    /// Whether both were so at once: pods may have generations of a ring that nobody knows any more.
    pub(super) has_lost: bool,
    /// Keys that nobody knows any more since then.
    forgotten: BTreeSet<String>,
}

impl Rules {
    pub(super) fn new(ring: &KeyRing) -> Self {
        let kids: Vec<String> = ring.keys.iter().map(|key| key.kid.clone()).collect();
        Self {
            tokens: Vec::new(),
            elapsed: 0,
            published: kids.iter().map(|kid| (kid.clone(), 0)).collect(),
            lead: BTreeMap::new(),
            excused: BTreeSet::from([kids[0].clone()]),
            replaced: false,
            edited: false,
            has_lost: false,
            forgotten: BTreeSet::new(),
        }
    }

    /// Whether two of the three objects are wrong at once: then nothing is promised but that nobody else gets in.
    fn is_lost(&self) -> bool {
        self.replaced && self.edited
    }

    pub(super) fn waits(&mut self, seconds: i64, now: DateTime<Utc>) {
        self.elapsed += seconds;
        // What has ended has ended, also when a clock goes back.
        self.tokens.retain(|token| token.ends > now);
    }

    pub(super) fn back(&mut self, by: TimeDelta) {
        // A token was good for a time, and is for what is left of it.
        for token in &mut self.tokens {
            token.ends -= by;
        }
    }

    pub(super) fn signed(&mut self, kid: String, ends: DateTime<Utc>) {
        if self.forgotten.contains(&kid) {
            return;
        }
        if !self.is_lost() && !self.excused.contains(&kid) {
            self.waited(&kid);
        }
        self.tokens.push(Token { kid, ends });
    }

    /// A key has been in the set for as long as it had to be when it began to sign.
    fn waited(&self, kid: &str) {
        let (since, lead) = (self.published.get(kid), self.lead.get(kid));
        let long = since
            .zip(lead)
            .is_some_and(|(since, lead)| self.elapsed - since >= *lead);
        assert!(
            long,
            "K1: {kid} signs, published at {since:?} for {lead:?} and now is {}",
            self.elapsed
        );
    }

    pub(super) fn ring_replaced(&mut self) {
        self.replaced = true;
    }

    pub(super) fn edited(&mut self, files: &Files) {
        self.edited = true;
        // A cache that is filled now lacks what is missing in the set.
        let set = files.set();
        let there = |kid: &str| set.as_ref().is_some_and(|set| set.kids().contains(&kid));
        let signed = |kid: &String| self.lead.contains_key(kid) || self.excused.contains(kid);
        let lead = std::mem::take(&mut self.published);
        self.published = lead
            .into_iter()
            .filter(|(kid, _)| signed(kid) || there(kid))
            .collect();
    }

    pub(super) fn stepped(&mut self, step: &Step, after: &KeyRing, wish: &Wish) {
        let Some(active) = after.active() else { return };
        match step {
            Step::Activate => {
                let lead = wish.timings.lead_for().num_seconds();
                self.lead.insert(active.kid.clone(), lead);
                if !self.is_lost() && !self.excused.contains(&active.kid) {
                    self.waited(&active.kid);
                }
            }
            Step::Revoke(_) if !self.lead.contains_key(&active.kid) => {
                self.excused.insert(active.kid.clone());
            }
            Step::Birth | Step::Renew(_) => {
                self.excused.insert(active.kid.clone());
            }
            _ => {}
        }
    }

    /// After each single write of a projection.
    pub(super) fn written(&mut self, files: &Files, ring: &KeyRing, wish: &Wish) {
        let denied = |kid: &str| wish.revoke.iter().any(|revoked| revoked.kid == kid);
        assert_eq!(ring.in_state(KeyState::Active).count(), 1);
        for key in ring.in_state(KeyState::Revoked) {
            assert!(key.private_jwk.is_none());
            assert!(!jwks_json(ring).contains(&key.kid), "K4: it is back");
        }
        let stranger = fresh(STRANGERS);
        assert!(ring.key(stranger.kid()).is_none(), "a stranger is in");
        let signing = kid_of(files.signing.as_ref());
        let signing = signing.filter(|kid| !denied(kid) && !self.is_lost());
        let written = files.jwks == Some(jwks_json(ring));
        // Until the set is written, what somebody made of it may be there.
        let Some(set) = files.set().filter(|_| written || !self.edited) else {
            assert!(!written, "K6: no set");
            return;
        };
        let kids = set.kids();
        let known = |kid: String| kids.contains(&kid.as_str());
        assert!(signing.is_none_or(known), "K1: what signs is not published");
        if !written {
            return;
        }
        let elapsed = self.elapsed;
        for kid in &kids {
            self.published.entry((*kid).to_owned()).or_insert(elapsed);
        }
        if self.is_lost() {
            return;
        }
        for token in &self.tokens {
            let verifies = kids.contains(&token.kid.as_str());
            assert!(
                denied(&token.kid) || verifies,
                "K2: a token of {} ends early",
                token.kid
            );
        }
        // What has left the set and comes back begins anew; whoever it was may have forgotten it.
        self.published.retain(|kid, _| kids.contains(&kid.as_str()));
    }

    /// All three are of one time again. Tells whether they were lost before.
    pub(super) fn settled(&mut self, ring: &KeyRing) -> bool {
        let was_lost = self.is_lost();
        if was_lost {
            self.has_lost = true;
            self.tokens.clear();
            self.excused
                .extend(ring.keys.iter().map(|key| key.kid.clone()));
            let ever = self
                .published
                .keys()
                .chain(self.lead.keys())
                .chain(&self.excused);
            let public = |kid: &str| ring.key(kid).is_some_and(|key| key.state.is_public());
            self.forgotten = ever.filter(|kid| !public(kid)).cloned().collect();
        }
        (self.replaced, self.edited) = (false, false);
        was_lost
    }
}
