//! Deliveries like those of a project with a lot of CI: GitHub's examples with ids of their own.

use anyhow::{Context, Result};
use serde_json::Value;
use trunkline_bench::deliveries::{self, Example};
use trunkline_model::Rng;

/// How often which event comes, in percent; the rest is all other events alike.
const SHARES: [(&str, f64); 4] =
    [("workflow_job", 0.60), ("check_run", 0.20), ("workflow_run", 0.06), ("push", 0.01)];
/// The object whose id makes a delivery a thing of its own.
const OBJECTS: [(&str, &str); 5] = [
    ("workflow_job", "workflow_job"),
    ("workflow_run", "workflow_run"),
    ("check_run", "check_run"),
    ("issue_comment", "comment"),
    ("pull_request_review", "review"),
];
/// A number that no example has.
const GAP: u64 = u64::MAX - 58;
/// GitHub's ids have eleven digits now.
const FIRST_ID: u64 = 40_000_000_000;

/// Examples to draw from.
#[derive(Debug)]
pub(crate) struct Mix {
    shares: Vec<(f64, Vec<Template>)>,
}

/// A payload with a gap for the id.
#[derive(Debug)]
struct Template {
    event: String,
    before: String,
    after: String,
    has_id: bool,
}

impl Mix {
    /// Deliveries of a project with a lot of CI, or all of GitHub's examples alike.
    pub(crate) fn new(even: bool) -> Result<Self> {
        let folder = deliveries::folder().context("GitHub's webhook examples: run `cargo xtask setup`")?;
        let mut left: Vec<Template> =
            deliveries::examples(&folder, false)?.into_iter().map(Template::new).collect::<Result<_>>()?;
        let mut shares = Vec::new();
        if !even {
            for (event, share) in SHARES {
                let (own, others) = left.into_iter().partition(|template| template.event == event);
                shares.push((share, own));
                left = others;
            }
        }
        let named: f64 = shares.iter().map(|(share, _)| share).sum();
        shares.push((1.0 - named, left));
        Ok(Self { shares })
    }

    /// The event and body of a delivery; `number` makes it one of its own.
    pub(crate) fn draw(&self, rng: &mut Rng, number: u64) -> Option<(&str, Vec<u8>)> {
        let mut at = rng.unit();
        let drawn = self.shares.iter().find(|(share, _)| {
            at -= share;
            at <= 0.0
        });
        let (_, templates) = drawn.or(self.shares.last())?;
        let template = rng.pick(templates)?;
        Some((&template.event, template.fill(number)))
    }

    /// Mean size of the bodies of all examples, as drawn.
    pub(crate) fn mean_bytes(&self) -> f64 {
        let mean = |templates: &[Template]| {
            templates.iter().map(|template| template.fill(0).len()).sum::<usize>() as f64
                / templates.len().max(1) as f64
        };
        self.shares.iter().map(|(share, templates)| share * mean(templates)).sum()
    }
}

impl Template {
    fn new(example: Example) -> Result<Self> {
        let Example { event, from, body } = example;
        let mut payload: Value = serde_json::from_slice(&body).with_context(|| from.clone())?;
        let object = OBJECTS.iter().find(|(name, _)| *name == event).map(|(_, object)| *object);
        let Some(object) = object else {
            return Ok(Self { event, before: payload.to_string(), after: String::new(), has_id: false });
        };
        let id = payload.get_mut(object).and_then(|object| object.get_mut("id"));
        *id.with_context(|| format!("{from}: no id of the {object}"))? = GAP.into();
        let text = payload.to_string();
        let (before, after) = text.split_once(&GAP.to_string()).context("the gap")?;
        Ok(Self { event, before: before.into(), after: after.into(), has_id: true })
    }

    fn fill(&self, number: u64) -> Vec<u8> {
        let Self { before, after, has_id, .. } = self;
        if *has_id {
            format!("{before}{}{after}", FIRST_ID + number).into_bytes()
        } else {
            before.clone().into_bytes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_valid_and_of_their_own() {
        if deliveries::folder().is_none() {
            assert!(std::env::var_os("TRUNKLINE_REQUIRE_TOOLS").is_none(), "run `cargo xtask setup` first");
            return;
        }
        let (mix, mut rng) = (Mix::new(false).unwrap(), Rng::from_seed(1));
        let mut jobs = std::collections::BTreeSet::new();
        for number in 0..1_000 {
            let (event, body) = mix.draw(&mut rng, number).unwrap();
            let payload: serde_json::Value = serde_json::from_slice(&body).unwrap();
            if event == "workflow_job" {
                assert_eq!(payload["workflow_job"]["id"], FIRST_ID + number);
                jobs.insert(number);
            }
        }
        assert!((500..700).contains(&jobs.len()), "{}", jobs.len());
        assert!(mix.mean_bytes() > 8_000.0, "{}", mix.mean_bytes());
    }
}
