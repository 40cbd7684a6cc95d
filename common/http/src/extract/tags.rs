//! `If-Match` and `If-None-Match`: lists of entity tags (RFC 9110, sections 8.8.3 and 13.1). Ours are versions.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::headers::parameter;
use crate::{ApiError, Kind, TextRule};

/// `*`, or tags with commas between them; some may be weak, and some may be of others.
static TAGS: TextRule = TextRule::chars(1, 1000)
    .like(r#"^(\*|[ \t,]*(W/)?"[!#-~]*"([ \t]*,[ \t,]*(W/)?"[!#-~]*")*[ \t,]*)$"#);

/// What one of the two headers says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever is there.
    Any,
    /// The tags that can be ours. What cannot be is equal to none of ours, and left out.
    Listed(Vec<Tag>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag {
    version: i64,
    is_weak: bool,
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
    let listed = pieces.chunks_exact(2).filter_map(|pair| {
        let version: i64 = pair[1].parse().ok()?;
        // As we write it: "03" is another tag than "3".
        (version.to_string() == pair[1]).then(|| Tag {
            version,
            is_weak: pair[0].ends_with("W/"),
        })
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
            Some(Tags::Listed(all)) => all.iter().any(|tag| !tag.is_weak && tag.version == version),
        }
    }

    /// The newest version before `current` that the request names: what its caller saw.
    #[must_use]
    pub fn newest_before(&self, current: i64) -> Option<i64> {
        let Some(Tags::Listed(all)) = &self.0 else {
            return None;
        };
        all.iter()
            .filter(|tag| !tag.is_weak && (1..current).contains(&tag.version))
            .map(|tag| tag.version)
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
        vec![parameter("If-Match", about, &TAGS, "\"3\"")]
    }
}

/// The versions that the caller holds (`If-None-Match`), for 304.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IfNoneMatch(Option<Tags>);

impl IfNoneMatch {
    /// Whether the caller holds `version`. A weak tag is as good as a strong one here.
    #[must_use]
    pub fn has(&self, version: i64) -> bool {
        match &self.0 {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(all)) => all.iter().any(|tag| tag.version == version),
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
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
        let holds = |line| IfNoneMatch(read(&header::IF_NONE_MATCH, &[line]).expect("tags")).has(3);
        assert!(holds("W/\"3\"") && holds("\"2\",\"3\"") && holds("*"));
        assert!(!holds("\"2\"") && !IfNoneMatch::default().has(3));
    }
}
