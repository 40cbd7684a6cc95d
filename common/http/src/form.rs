//! What an answer looks like, as a part of its `ETag`.
//!
//! A row's version tells its states apart, not the forms in which it is shown: after an upgrade a caller would keep what it holds,
//! without the fields that are new. So a tag tells the form too. Nobody raises a number for it: it is a digest of the document's
//! schema, which is made of the type that is written as JSON.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use utoipa::{PartialSchema as _, ToSchema};

use crate::Envelope;

/// Bytes of the digest that are kept: forms follow each other, and a caller holds one of the last.
const KEPT: usize = 6;

/// Those that were asked for: a schema takes longer to make than most answers.
static KNOWN: LazyLock<RwLock<HashMap<TypeId, String>>> = LazyLock::new(RwLock::default);

/// The form of an answer whose `data` is a `T`: eight characters of base64url.
pub(crate) fn form<T: ToSchema + 'static>() -> String {
    let id = TypeId::of::<T>();
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let found = known.get(&id).cloned();
    drop(known);
    found.unwrap_or_else(|| {
        let form = digest::<T>();
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(id, form.clone());
        form
    })
}

#[expect(
    clippy::expect_used,
    reason = "the document is made of the same schemas"
)]
fn digest<T: ToSchema>() -> String {
    let mut parts = Vec::new();
    Envelope::<T>::schemas(&mut parts);
    let whole = (Envelope::<T>::schema(), parts);
    let text = serde_json::to_vec(&whole).expect("a schema is JSON");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..KEPT])
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! release {
        ($name:ident { $($field:ident: $type:ty),* }) => {
            mod $name {
                use utoipa::ToSchema;

                #[derive(ToSchema)]
                #[expect(dead_code, reason = "its schema is what counts")]
                pub(super) struct Inner { $($field: $type),* }

                #[derive(ToSchema)]
                #[expect(dead_code, reason = "its schema is what counts")]
                pub(super) struct Outer { inner: Inner }
            }
        };
    }

    release!(first { id: u32 });
    release!(same { id: u32 });
    release!(longer {
        id: u32,
        name: String
    });
    release!(other { id: String });

    #[test]
    fn what_looks_different_has_another_form_however_deep_the_difference_is() {
        let forms = [
            form::<first::Outer>(),
            form::<longer::Outer>(),
            form::<other::Outer>(),
            form::<first::Inner>(),
            form::<Vec<first::Inner>>(),
        ];
        for (at, one) in forms.iter().enumerate() {
            assert!(!forms[..at].contains(one), "{forms:?}");
            assert_eq!(one.len(), 8);
        }
        assert_eq!(form::<first::Outer>(), form::<same::Outer>());
        assert_eq!(form::<first::Outer>(), forms[0], "asked again");
        // By their names alone they are the same.
        assert_eq!(
            serde_json::to_value(first::Outer::schema()).expect("JSON"),
            serde_json::to_value(longer::Outer::schema()).expect("JSON")
        );
    }
}
