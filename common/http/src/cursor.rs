//! Cursors of keyset pages: opaque, versioned, signed, and bound to the filter they came from.

use std::hash::Hash as _;

use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common_config::{ConfigError, SecretRef};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::form::form;
use crate::{ApiError, Cursor, Kind, Limit, PageState, Reply};

const VERSION: u8 = 1;
/// Bytes of the signature that are kept.
const MAC: usize = 16;
/// Bytes of the filter's digest that are kept.
const FILTER: usize = 8;

/// The key that signs cursors, the same for all replicas.
#[derive(Clone)]
pub struct CursorKey(Vec<u8>);

impl CursorKey {
    /// The key behind `secret`.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub fn read(secret: &SecretRef) -> Result<Self, ConfigError> {
        Ok(Self(secret.read()?.expose_secret().as_bytes().to_vec()))
    }

    /// A cursor that goes on after `position` in the list that `filter` describes.
    ///
    /// # Errors
    /// When a value cannot be written as JSON: a bug, answered with 500.
    pub fn encode(
        &self,
        position: &impl Serialize,
        filter: &impl Serialize,
    ) -> Result<String, ApiError> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&digest(filter)?);
        bytes.extend_from_slice(&serde_json::to_vec(position).map_err(ApiError::internal)?);
        let mac = self.sign(&bytes);
        bytes.extend_from_slice(&mac);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// A page of a list: at most `limit` of `rows`, which has one more when the list goes on. `filter` is as in
    /// [`CursorKey::encode`], `position` tells where a row stands, and `state` feeds what tells a row's states apart, such
    /// as `(id, version)`, to what becomes the page's `ETag`.
    ///
    /// # Errors
    /// As [`CursorKey::encode`].
    pub fn page<T, V: From<T> + ToSchema + 'static, P: Serialize>(
        &self,
        filter: &impl Serialize,
        mut rows: Vec<T>,
        limit: Limit,
        position: impl Fn(&T) -> P,
        state: impl Fn(&T, &mut PageState),
    ) -> Result<Reply<Vec<V>>, ApiError> {
        let limit = limit.rows();
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(end) if goes_on => Some(self.encode(&position(end), filter)?),
            _ => None,
        };
        let mut of_all = PageState::default();
        form::<V>().hash(&mut of_all);
        next.hash(&mut of_all);
        for row in &rows {
            state(row, &mut of_all);
        }
        let reply = Reply::ok(rows.into_iter().map(V::from).collect()).page(next);
        Ok(reply.header(header::ETAG, of_all.etag()))
    }

    /// The position after which a page begins; none without a cursor. `list` tells the cursors of two lists apart.
    ///
    /// # Errors
    /// As [`CursorKey::decode`].
    pub fn after<T: DeserializeOwned>(
        &self,
        cursor: Option<&Cursor>,
        list: &impl Serialize,
    ) -> Result<Option<T>, ApiError> {
        cursor
            .map(|cursor| self.decode(&cursor.0, list))
            .transpose()
    }

    /// The position in `cursor`.
    ///
    /// # Errors
    /// `cursor_invalid` when it was not made by us, `cursor_mismatch` when it belongs to another filter.
    pub fn decode<T: DeserializeOwned>(
        &self,
        cursor: &str,
        filter: &impl Serialize,
    ) -> Result<T, ApiError> {
        let invalid = || {
            ApiError::new(
                Kind::BadRequest,
                "cursor_invalid",
                "the cursor is not one of this API; take it from meta.page.next, or leave it out to start again",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let split = bytes.len().checked_sub(MAC).ok_or_else(invalid)?;
        let (signed, mac) = bytes.split_at(split);
        let equal: bool = subtle::ConstantTimeEq::ct_eq(self.sign(signed).as_slice(), mac).into();
        let [VERSION, rest @ ..] = signed else {
            return Err(invalid());
        };
        if !equal || rest.len() < FILTER {
            return Err(invalid());
        }
        let (made_for, position) = rest.split_at(FILTER);
        if made_for != digest(filter)? {
            return Err(ApiError::new(
                Kind::BadRequest,
                "cursor_mismatch",
                "the cursor belongs to a list with another filter or order; repeat the filter it came from, or leave the cursor out",
            ));
        }
        serde_json::from_slice(position).map_err(|_| invalid())
    }

    /// 32 bytes that only this deployment can derive from `input`, as base64url. `label` keeps uses apart.
    #[must_use]
    pub fn derive(&self, label: &str, input: &[u8]) -> String {
        let mut mac = self.mac();
        mac.update(label.as_bytes());
        mac.update(&[0]);
        mac.update(input);
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("any length is a key")
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let mut mac = self.mac();
        mac.update(bytes);
        mac.finalize().into_bytes()[..MAC].to_vec()
    }
}

fn digest(filter: &impl Serialize) -> Result<[u8; FILTER], ApiError> {
    let bytes = serde_json::to_vec(filter).map_err(ApiError::internal)?;
    let mut short = [0; FILTER];
    short.copy_from_slice(&Sha256::digest(bytes)[..FILTER]);
    Ok(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> CursorKey {
        CursorKey(b"0123456789abcdef0123456789abcdef".to_vec())
    }

    #[test]
    fn a_cursor_comes_back_for_its_own_filter_only() {
        let cursor = key().encode(&(7, "x"), &"status=todo").expect("encoded");
        let back: (i32, String) = key().decode(&cursor, &"status=todo").expect("decoded");
        assert_eq!(back, (7, "x".to_owned()));
        let error = key()
            .decode::<(i32, String)>(&cursor, &"status=done")
            .expect_err("another filter");
        assert_eq!(error.code(), "cursor_mismatch");
    }

    #[test]
    fn the_tag_of_a_page_tells_its_rows_their_order_and_whether_it_goes_on() {
        let tag = |rows: Vec<i32>| {
            let page = key().page::<i32, i32, i32>(
                &"",
                rows,
                Limit::default(),
                |row| *row,
                std::hash::Hash::hash,
            );
            let page = page.expect("a page");
            assert!(page.data.len() <= Limit::default().rows());
            page.headers[header::ETAG].clone()
        };
        let rows: Vec<i32> = (0..51).collect();
        let whole = tag(rows[..50].to_vec());
        assert_eq!(whole, tag(rows[..50].to_vec()));
        let other_order = rows[..50].iter().rev().copied().collect();
        for other in [tag(rows.clone()), tag(other_order), tag(Vec::new())] {
            assert_ne!(whole, other);
        }
        assert!(whole.to_str().expect("text").starts_with("W/\""));
    }

    #[test]
    fn the_tag_of_a_page_tells_the_form_of_its_rows() {
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "its schema is what counts")]
        struct Shown {
            number: i32,
        }
        impl From<i32> for Shown {
            fn from(number: i32) -> Self {
                Self { number }
            }
        }
        fn tag<V: From<i32> + ToSchema + 'static>() -> axum::http::HeaderValue {
            let page = key().page::<i32, V, i32>(
                &"",
                vec![1, 2],
                Limit::default(),
                |row| *row,
                std::hash::Hash::hash,
            );
            page.expect("a page").headers[header::ETAG].clone()
        }
        assert_eq!(tag::<Shown>(), tag::<Shown>());
        assert_ne!(tag::<Shown>(), tag::<i32>());
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let cursor = key().encode(&7, &"").expect("encoded");
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base64url");
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(
                key()
                    .decode::<i32>(&changed, &"")
                    .expect_err("changed")
                    .code(),
                "cursor_invalid"
            );
            bytes[at] ^= 1;
        }
        for nonsense in ["", "!", "AA"] {
            assert_eq!(
                key()
                    .decode::<i32>(nonsense, &"")
                    .expect_err("nonsense")
                    .code(),
                "cursor_invalid"
            );
        }
    }
}
