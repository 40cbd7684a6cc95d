//! Passwords are written down before they are set. Who sets a password and dies, or does so at the same time as another,
//! can therefore leave none that nobody knows: both set the same one. Pure.
//!
//! A claim is made for one succession: the login that follows a certain generation of a client's Secret. The last claim of a
//! client is also what its Secret is made of again when that is lost.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Login;

/// A password for one slot of a client.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The password.
    pub(crate) password: SecretString,
    /// Generation of the Secret that this login comes after; 0 for the first.
    pub(crate) after: u64,
}

/// The claims of a Platform, by client and slot: two for a client at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims(BTreeMap<(String, String), Claim>);

/// The stored form of a claim.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    password: std::borrow::Cow<'a, str>,
    after: u64,
}

/// Between client and slot in the name of an entry; neither has one.
const DOT: char = '.';

impl Claims {
    /// What was stored, as far as it can be read: what cannot is as good as lost.
    pub(crate) fn read<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let read = |(name, text): (&'a str, &'a [u8])| {
            let (client, slot) = name.split_once(DOT)?;
            let stored: Stored<'_> = serde_json::from_slice(text).ok()?;
            let claim = Claim {
                password: SecretString::from(stored.password.into_owned()),
                after: stored.after,
            };
            Some(((client.to_owned(), slot.to_owned()), claim))
        };
        Self(entries.into_iter().filter_map(read).collect())
    }

    /// The form to store, by the name of the entry.
    pub(crate) fn entries(&self) -> BTreeMap<String, Vec<u8>> {
        let entry = |((client, slot), claim): (&(String, String), &Claim)| {
            let stored = Stored {
                password: claim.password.expose_secret().into(),
                after: claim.after,
            };
            // A text and a number are JSON.
            let text = serde_json::to_vec(&stored).unwrap_or_default();
            (format!("{client}{DOT}{slot}"), text)
        };
        self.0.iter().map(entry).collect()
    }

    /// The claim for this succession, if somebody made it.
    pub(crate) fn of(&self, client: &str, slot: &str, after: u64) -> Option<Claim> {
        let claim = self.0.get(&(client.to_owned(), slot.to_owned()));
        claim.filter(|claim| claim.after == after).cloned()
    }

    /// Puts a claim in the place of an earlier one of the same slot.
    pub(crate) fn put(&mut self, client: &str, slot: &str, claim: Claim) {
        self.0.insert((client.to_owned(), slot.to_owned()), claim);
    }

    /// The login that was claimed last for a client, in one of these slots, and what it comes after.
    pub(crate) fn last(&self, client: &str, slots: &[String; 2]) -> Option<(Login, u64)> {
        let claims = slots.iter().filter_map(|slot| {
            let claim = self.0.get(&(client.to_owned(), slot.clone()))?;
            Some((slot, claim))
        });
        let (slot, claim) = claims.max_by_key(|(_, claim)| claim.after)?;
        let login = Login {
            user: slot.clone(),
            password: claim.password.clone(),
        };
        Some((login, claim.after))
    }

    /// Whether this login is written down.
    pub(crate) fn knows(&self, client: &str, login: &Login) -> bool {
        let claim = self.0.get(&(client.to_owned(), login.user.clone()));
        claim.is_some_and(|claim| claim.password.expose_secret() == login.password.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(password: &str, after: u64) -> Claim {
        Claim {
            password: SecretString::from(password),
            after,
        }
    }

    #[test]
    fn a_claim_counts_for_one_succession() {
        let mut claims = Claims::default();
        claims.put("db-app", "demo_app_a", claim("first", 0));
        claims.put("db-app", "demo_app_b", claim("second", 7));
        let password = |claims: &Claims, slot: &str, after| {
            let claim = claims.of("db-app", slot, after)?;
            Some(claim.password.expose_secret().to_owned())
        };
        assert_eq!(
            password(&claims, "demo_app_b", 7).as_deref(),
            Some("second")
        );
        assert_eq!(password(&claims, "demo_app_a", 9), None, "an earlier one");
        let slots = ["demo_app_a", "demo_app_b"].map(str::to_owned);
        let (last, after) = claims.last("db-app", &slots).expect("there is one");
        assert_eq!((last.user.as_str(), after), ("demo_app_b", 7));
        assert!(claims.knows("db-app", &last) && !claims.knows("redis-app", &last));
        assert!(claims.last("redis-app", &slots).is_none());
    }

    #[test]
    fn the_stored_form_is_read_back_and_damage_is_no_claim() {
        let mut claims = Claims::default();
        claims.put("db-app", "demo_app_a", claim("p-w_1", 3));
        let mut stored = claims.entries();
        stored.insert("db-app.demo_app_b".to_owned(), b"{".to_vec());
        stored.insert("nothing".to_owned(), Vec::new());
        let entries = stored
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_slice()));
        let read = Claims::read(entries);
        assert_eq!(read.entries(), claims.entries());
    }
}
