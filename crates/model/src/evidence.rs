//! Why something was decided: enough for a person to check and to disagree.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The reason behind one automatic decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Id of the rule that decided, such as `fleet.launch.demand`; stable, documented.
    pub rule: String,
    /// One sentence a person can read.
    pub summary: String,
    /// The facts the rule looked at, by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, serde_json::Value>,
    /// Where to look further.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The command that overrides the decision, if one exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_with: Option<String>,
}

/// A titled link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What is behind it.
    pub title: String,
    /// Absolute, or relative to the HUD.
    pub url: String,
}

impl Evidence {
    /// Evidence with a rule and a sentence, and nothing else yet.
    pub fn new(rule: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            summary: summary.into(),
            inputs: BTreeMap::new(),
            links: Vec::new(),
            override_with: None,
        }
    }

    /// Adds a fact the rule looked at.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.inputs.insert(name.into(), value.into());
        self
    }

    /// Adds a link.
    #[must_use]
    pub fn link(mut self, title: impl Into<String>, url: impl Into<String>) -> Self {
        self.links.push(Link { title: title.into(), url: url.into() });
        self
    }

    /// Names the command that overrides the decision.
    #[must_use]
    pub fn override_with(mut self, command: impl Into<String>) -> Self {
        self.override_with = Some(command.into());
        self
    }
}
