//! `Link` of a page (RFC 8288): where the list goes on, and where it begins.
//!
//! There is no `prev`: a keyset knows what comes after a row, and the way back would cost a second statement for each
//! list. Whoever wants to go back keeps the pages, or begins again.

use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::PageMeta;

/// Adds the header to every answer that says where its list goes on.
pub(super) async fn link_pages(request: Request, next: Next) -> Response {
    // As its caller wrote it: verbs are routed under another path.
    let uri = match request.extensions().get::<OriginalUri>() {
        Some(original) => original.0.clone(),
        None => request.uri().clone(),
    };
    let mut response = next.run(request).await;
    let page = response.extensions_mut().remove::<PageMeta>();
    // A query may have bytes that no header can; then the body alone tells it.
    if let Some(link) = page.and_then(|page| HeaderValue::from_str(&links(&uri, &page)).ok()) {
        response.headers_mut().append(header::LINK, link);
    }
    response
}

/// Both places, relative to the API's host: the same request with another cursor, or with none.
fn links(uri: &Uri, page: &PageMeta) -> String {
    let path = uri.path();
    let rest: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && *pair != "cursor" && !pair.starts_with("cursor="))
        .collect();
    let rest = rest.join("&");
    let sign = if rest.is_empty() { "" } else { "?" };
    let first = format!("<{path}{sign}{rest}>; rel=\"first\"");
    let Some(cursor) = &page.next else {
        return first;
    };
    let and = if rest.is_empty() { "" } else { "&" };
    format!("<{path}?{rest}{and}cursor={cursor}>; rel=\"next\", {first}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/a", Some("n"), "</a?cursor=n>; rel=\"next\", </a>; rel=\"first\"")]
    #[case("/a?cursor=c", None, "</a>; rel=\"first\"")]
    #[case("/a?cursor=c&limit=2&cursor", None, "</a?limit=2>; rel=\"first\"")]
    #[case(
        "/a:b?x=%20&&cursor=c&cursors=1",
        Some("n"),
        "</a:b?x=%20&cursors=1&cursor=n>; rel=\"next\", </a:b?x=%20&cursors=1>; rel=\"first\""
    )]
    fn the_cursor_alone_changes(
        #[case] uri: &str,
        #[case] next: Option<&str>,
        #[case] expected: &str,
    ) {
        let uri = uri.parse().expect("a URI");
        let page = PageMeta {
            next: next.map(ToOwned::to_owned),
        };
        assert_eq!(links(&uri, &page), expected);
    }
}
