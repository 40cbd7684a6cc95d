//! `If-Match` and `If-None-Match`: lists of entity tags (RFC 9110, sections 8.8.3 and 13.1). Ours are versions.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::headers::parameter;
use crate::{ApiError, Kind, TextRule};

/// As the document has them.
pub(crate) const IF_MATCH: &str = "If-Match";
pub(crate) const IF_NONE_MATCH: &str = "If-None-Match";

/// `*`, or tags with commas between them; some may be weak, and some may be of others.
static TAGS: TextRule = TextRule::chars(1, 1000)
    .like(r#"^(\*|[ \t,]*(W/)?"[!#-~]*"([ \t]*,[ \t,]*(W/)?"[!#-~]*")*[ \t,]*)$"#);

/// What one of the two headers says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever is there.
    Any,
    /// One of these.
    Listed(Vec<Tag>),
}

/// One tag of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    /// What stands between its quotation marks.
    text: String,
    is_weak: bool,
}

impl Tag {
    /// The version that it is of, if a condition of a change can name it: behind a point, a tag of ours says who it was made
    /// for and in which form, and the change is to all that anybody sees, in any form.
    fn version(&self) -> Option<i64> {
        let digits = self
            .text
            .split_once('.')
            .map_or(&*self.text, |(own, _)| own);
        let version: i64 = digits.parse().ok()?;
        // As we write it: "03" is another tag than "3".
        (!self.is_weak && version.to_string() == digits).then_some(version)
    }
}

/// The tags of a header; several lines of it are one list.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ApiError> {
    let lines: Vec<&str> = headers
        .get_all(name)
        .iter()
        // What is no text has no place in a list either.
        .map(|line| line.to_str().unwrap_or("?"))
        .collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let text = lines.join(", ");
    if !TAGS.allows(&text) {
        return Err(ApiError::new(
            Kind::BadRequest,
            "etag_invalid",
            format!(
                "{name} must be * or a list of ETags as this API gave them, e.g. \"3\"; given: {text}"
            ),
        ));
    }
    if text == "*" {
        return Ok(Some(Tags::Any));
    }
    // No tag has a quotation mark in it: every second piece is one, and what stands before it says whether it is weak.
    let pieces: Vec<&str> = text.split('"').collect();
    let listed = pieces.chunks_exact(2).map(|pair| Tag {
        text: pair[1].to_owned(),
        is_weak: pair[0].ends_with("W/"),
    });
    Ok(Some(Tags::Listed(listed.collect())))
}

/// The versions for which the request was made (`If-Match`); by default it was made for any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfMatch(Option<Tags>);

impl IfMatch {
    /// Whether the condition holds for `version`. A weak tag is equal to none (RFC 9110, section 8.8.3.2).
    #[must_use]
    pub fn allows(&self, version: i64) -> bool {
        match &self.0 {
            None | Some(Tags::Any) => true,
            Some(Tags::Listed(all)) => all.iter().any(|tag| tag.version() == Some(version)),
        }
    }

    /// The newest version before `current` that the request names: what its caller saw.
    #[must_use]
    pub fn newest_before(&self, current: i64) -> Option<i64> {
        let Some(Tags::Listed(all)) = &self.0 else {
            return None;
        };
        all.iter()
            .filter_map(Tag::version)
            .filter(|version| (1..current).contains(version))
            .max()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        tags(&parts.headers, &header::IF_MATCH).map(Self)
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` that the caller saw, or a list of them: with another version the answer is 412";
        vec![parameter(IF_MATCH, about, &TAGS, "\"3\"")]
    }
}

/// What the caller holds (`If-None-Match`), for 304.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfNoneMatch(Option<Tags>);

impl IfNoneMatch {
    /// Whether the caller holds anything that this could be.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the caller holds what has this `ETag`. A weak tag is as good as a strong one here (RFC 9110, section 8.8.3.2).
    #[must_use]
    pub fn has(&self, etag: &HeaderValue) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(all)) => {
                let own = etag.to_str().unwrap_or_default();
                let own = own.trim_start_matches("W/").trim_matches('"');
                all.iter().any(|tag| tag.text == own)
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // What is no list of tags names nothing that the caller holds: the answer is sent whole.
        let tags = tags(&parts.headers, &header::IF_NONE_MATCH);
        Ok(Self(tags.ok().flatten()))
    }
}

impl IntoParams for IfNoneMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` of what the caller holds, or a list of them: while it is still that, the answer is 304 and empty";
        vec![parameter(IF_NONE_MATCH, about, &TAGS, "\"3\"")]
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(name: &HeaderName, lines: &[&'static str]) -> Result<Option<Tags>, &'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        tags(&headers, name).map_err(|error| error.code())
    }

    #[rstest]
    #[case::ours(&["\"3\""], true)]
    #[case::any(&["*"], true)]
    #[case::one_of_a_list(&["\"2\", \"3\""], true)]
    #[case::empty_elements_and_tabs(&[", \"2\" ,\t,\"3\","], true)]
    #[case::a_comma_in_a_tag(&["\"a,b\",\"3\""], true)]
    #[case::two_lines(&["\"2\"", "\"3\""], true)]
    #[case::another(&["\"4\""], false)]
    #[case::weak(&["W/\"3\""], false)]
    #[case::weak_beside_strong(&["W/\"3\", \"2\""], false)]
    #[case::written_otherwise(&["\"03\", \"+3\""], false)]
    #[case::of_somebody_else(&["\"abc\", \"\""], false)]
    #[case::too_large(&["\"9999999999999999999\""], false)]
    #[case::made_for_a_role(&["\"3.owner\""], true)]
    #[case::another_made_for_a_role(&["\"4.owner\", \"03.owner\", \".owner\""], false)]
    fn a_condition_is_compared_strongly(#[case] lines: &[&'static str], #[case] holds: bool) {
        let seen = IfMatch(read(&header::IF_MATCH, lines).expect("tags"));
        assert_eq!(seen.allows(3), holds, "{lines:?}");
    }

    #[rstest]
    #[case(&["3"])]
    #[case(&["\"3"])]
    #[case(&["\"3\" \"4\""])]
    #[case(&["w/\"3\""])]
    #[case(&["*, \"3\""])]
    #[case(&["*", "*"])]
    #[case(&["\"a b\""])]
    #[case(&[""])]
    fn what_is_no_list_of_tags_is_refused(#[case] lines: &[&'static str]) {
        let read = read(&header::IF_MATCH, lines);
        assert_eq!(read, Err("etag_invalid"), "{lines:?}");
    }

    #[rstest]
    #[case(&["\"3\""], Some(3))]
    #[case(&["\"3\", \"5\", \"4\", \"9\", \"7\""], Some(5))]
    #[case(&["W/\"6\""], None)]
    #[case(&["\"0\", \"-1\", \"7\""], None)]
    #[case(&["*"], None)]
    fn what_the_caller_saw_last_is_the_newest_former_version(
        #[case] lines: &[&'static str],
        #[case] seen: Option<i64>,
    ) {
        let read = read(&header::IF_MATCH, lines).expect("tags");
        assert_eq!(IfMatch(read).newest_before(7), seen, "{lines:?}");
    }

    #[test]
    fn what_a_caller_holds_is_compared_weakly() {
        let held = |line| IfNoneMatch(read(&header::IF_NONE_MATCH, &[line]).expect("tags"));
        for own in ["\"3\"", "W/\"3\"", "\"3.owner\""] {
            let etag = HeaderValue::from_static(own);
            let holds = |line| held(line).has(&etag);
            assert!(holds(own) && holds("*"), "{own}");
            assert_eq!(holds("W/\"3\""), !own.contains("owner"), "{own}");
            assert_eq!(holds("\"2\",\"3\""), !own.contains("owner"), "{own}");
            assert!(!holds("\"2\"") && !holds("\"3.viewer\""), "{own}");
            assert!(!IfNoneMatch::default().has(&etag), "{own}");
        }
    }
}
