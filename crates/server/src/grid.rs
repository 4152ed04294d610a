//! The grid: commits × jobs, in the compact form that the browser gets.
//!
//! | part | does |
//! |---|---|
//! | [`letters`] | what one run, and what a cell, is shown as |
//! | [`merge`] | several runs of one cell become one |
//! | [`names`] | which job names share a column |
//! | [`groups`] | which group a column belongs to: configuration |
//! | `cells` | merged cells of recent commits, in memory |
//! | `directory` | which repositories there are |
//! | `page`, `pages`, `encoded` | a page, kept encoded and compressed until something in it changes |

mod cells;
mod columns;
mod directory;
mod encoded;
pub mod groups;
pub mod letters;
pub mod merge;
pub mod names;
mod page;
mod pages;

pub(crate) use cells::Cells;
pub(crate) use directory::Directory;
pub(crate) use encoded::{Encoded, Encoding};
pub use groups::{GroupConfig, GroupRule, Groups};
pub use letters::Letter;
pub(crate) use page::{Grid, PageQuery, page};
pub(crate) use pages::Pages;
