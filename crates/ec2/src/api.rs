//! The calls we make, typed: what goes in, what of the answer we use. One file for each kind of thing.

pub mod disks;
pub mod fleets;
pub mod identity;
pub mod images;
pub mod instances;
pub mod launch;
pub mod parameters;
pub mod templates;
pub mod trouble;

use crate::{Client, Error, query::Params, xml::Element};

pub use crate::query::Filter;

/// Most pages of one list: 500 machines each.
const MAX_PAGES: usize = 400;

impl Client {
    /// Reads all pages of a list. Complete, or an error.
    pub(crate) async fn pages<T>(
        &self,
        action: &str,
        params: Params,
        mut read: impl FnMut(&Element) -> Option<Vec<T>>,
    ) -> Result<Vec<T>, Error> {
        let mut all = vec![];
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let answer = self.ec2(action, params.clone().maybe("NextToken", token.as_ref())).await?;
            all.extend(read(&answer).ok_or_else(|| incomplete(action))?);
            let next = answer.get("nextToken").or_else(|| answer.get("NextToken")).map(str::to_owned);
            match next {
                None => return Ok(all),
                Some(next) if Some(&next) == token.as_ref() => {
                    return Err(Error::unanswered(action, "a page leads to itself"));
                }
                next => token = next,
            }
        }
        Err(Error::unanswered(action, format!("the list has more than {MAX_PAGES} pages")))
    }
}

/// An answer without what every answer of its kind has. Never read as "nothing".
pub(crate) fn incomplete(action: &str) -> Error {
    Error::unanswered(action, "the answer lacks what it must have")
}

/// Tags of an element.
pub(crate) fn tags(element: &Element) -> std::collections::BTreeMap<String, String> {
    let tag = |item: &Element| {
        Some((item.get("key")?.to_owned(), item.get("value").unwrap_or_default().to_owned()))
    };
    element.items("tagSet").filter_map(tag).collect()
}
