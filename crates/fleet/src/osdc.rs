//! The files of a Kubernetes fleet in the layout of OSDC: one definition per runner label and one file of clusters.
//!
//! | look for | in |
//! |---|---|
//! | what a label such as `c-mt-l-x86iamx-22-225-b200` says | [`label`] |
//! | one runner definition, its keys and bounds | [`definition`] |
//! | `clusters.yaml`: prefixes, runner groups, modules, overrides | [`clusters`] |
//! | what is wrong although every file is readable | [`lints`] |
//! | the labels that clusters really offer, with caps | [`offer`] |

pub mod clusters;
pub mod definition;
pub mod label;
pub mod lints;
pub mod offer;

pub use clusters::Clusters;
pub use definition::Definition;
pub use label::OsdcLabel;
