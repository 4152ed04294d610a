//! The one parser of job names: `workflow / job (config, shard, shards, runner)`.

use serde::Serialize;

/// A job name in its parts. `Display` of the parts is not promised to be the input; keep that where needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct JobName {
    /// Workflow; empty when the name has no ` / `.
    pub workflow: String,
    /// Job, without the bracket: may itself contain ` / ` for reusable workflows.
    pub job: String,
    /// First token of the bracket, such as `default`.
    pub config: Option<String>,
    /// Shard number, from 1.
    pub shard: Option<u32>,
    /// How many shards.
    pub shards: Option<u32>,
    /// Runner label.
    pub runner: Option<String>,
    /// Further tokens, such as `mem_leak_check` or `unstable`.
    pub flags: Vec<String>,
}

impl JobName {
    /// Reads a full name. Never fails: what has no bracket is a job without a configuration.
    ///
    /// The bracket counts only at the end of the name. In it, the first token is the configuration, two numbers
    /// are shard and shards, the next token is the runner, all others are flags.
    pub fn parse(full: &str) -> Self {
        let (workflow, rest) = full.split_once(" / ").unwrap_or(("", full));
        let rest = rest.trim();
        let bracket = rest.strip_suffix(')').and_then(|inner| inner.rsplit_once('('));
        let Some((job, tokens)) = bracket else {
            return Self {
                workflow: workflow.trim().into(),
                job: rest.into(),
                config: None,
                shard: None,
                shards: None,
                runner: None,
                flags: vec![],
            };
        };
        let mut tokens = tokens.split(',').map(str::trim).filter(|t| !t.is_empty()).peekable();
        let config = tokens.next().map(String::from);
        let shard = tokens.next_if(|t| t.parse::<u32>().is_ok()).and_then(|t| t.parse().ok());
        let shards = shard.and_then(|_| tokens.next_if(|t| t.parse::<u32>().is_ok()));
        let shards = shards.and_then(|t| t.parse().ok());
        let runner = if shards.is_some() { tokens.next().map(String::from) } else { None };
        Self {
            workflow: workflow.trim().into(),
            job: job.trim().into(),
            config,
            shard,
            shards,
            runner,
            flags: tokens.map(String::from).collect(),
        }
    }

    /// The name with all shards folded: `workflow / job (config)`.
    pub fn folded(&self) -> String {
        let mut name = String::new();
        if !self.workflow.is_empty() {
            name.push_str(&self.workflow);
            name.push_str(" / ");
        }
        name.push_str(&self.job);
        if let Some(config) = &self.config {
            name.push_str(" (");
            name.push_str(config);
            for flag in &self.flags {
                name.push_str(", ");
                name.push_str(flag);
            }
            name.push(')');
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bracket_is_read_in_its_parts() {
        let name = JobName::parse("trunk / linux-jammy / test (default, 2, 5, lf.linux.2xlarge, unstable)");
        assert_eq!(name.workflow, "trunk");
        assert_eq!(name.job, "linux-jammy / test");
        assert_eq!((name.config.as_deref(), name.shard, name.shards), (Some("default"), Some(2), Some(5)));
        assert_eq!(name.runner.as_deref(), Some("lf.linux.2xlarge"));
        assert_eq!(name.flags, ["unstable"]);
        assert_eq!(name.folded(), "trunk / linux-jammy / test (default, unstable)");
    }

    #[test]
    fn names_without_a_bracket_or_workflow_are_names_too() {
        assert_eq!(JobName::parse("Lint / lintrunner").job, "lintrunner");
        assert_eq!(JobName::parse("build").workflow, "");
        assert_eq!(JobName::parse("a / b (c) d").config, None);
        assert_eq!(JobName::parse("a / b (L4)").config.as_deref(), Some("L4"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_name(text in "\\PC{0,60}") {
            let _ = JobName::parse(&text).folded();
        }
    }
}
