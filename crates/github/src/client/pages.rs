//! Listings: every page, by the `Link` header, and never to another host.

use super::{Client, Error, request::Request};
use serde::de::DeserializeOwned;
use url::Url;

/// Items per page: the most GitHub gives.
pub(super) const PER_PAGE: u32 = 100;
/// More pages than any listing has: 100,000 items.
const MOST_PAGES: usize = 1000;

impl Client {
    /// All items of a listing, up to `limit`. Items may slip between pages while they are read.
    pub(super) async fn pages<P: DeserializeOwned, T>(
        &self,
        mut request: Request,
        limit: usize,
        items: fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, Error> {
        let call = request.call();
        let mut all: Vec<T> = vec![];
        for _ in 0..MOST_PAGES {
            let answer = self.send(&request).await?;
            all.extend(items(answer.json(&call)?));
            if all.len() >= limit {
                all.truncate(limit);
                return Ok(all);
            }
            match answer.link.as_deref().and_then(next) {
                None => return Ok(all),
                Some(link) => request.url = self.follow(&request.url, link, &call)?,
            }
        }
        Err(Error::invalid(&call, "the listing does not end"))
    }

    /// Where a link of GitHub leads; refused when credentials would go to another host.
    pub(super) fn follow(&self, from: &Url, link: &str, call: &str) -> Result<Url, Error> {
        let url = from.join(link).map_err(|_| Error::invalid(call, "GitHub's link is no address"))?;
        if url.origin() != self.0.base.origin() || !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid(call, "GitHub's link leads to another host; not followed"));
        }
        if url == *from {
            return Err(Error::invalid(call, "GitHub's link leads back to where it is"));
        }
        Ok(url)
    }
}

/// The `rel="next"` target of a `Link` header.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>')?;
        let target = &rest[open + 1..close];
        rest = &rest[close + 1..];
        let parameters = &rest[..rest.find('<').unwrap_or(rest.len())];
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.trim().eq_ignore_ascii_case("rel")
                && value.trim().trim_matches('"').split(' ').any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_page_is_found() {
        let header = r#"<https://h/a?page=1>; rel="prev", <https://h/a?x=1,2&page=3>; rel="next", <https://h/a>; rel="last""#;
        assert_eq!(next(header), Some("https://h/a?x=1,2&page=3"));
        assert_eq!(next(r#"<https://h/a>; rel="last""#), None);
        assert_eq!(next("<broken"), None);
    }

    proptest! {
        #[test]
        fn any_header_is_survived(header in "[<>;=\", a-z]{0,60}|\\PC{0,60}") {
            let _ = next(&header);
        }
    }
}
