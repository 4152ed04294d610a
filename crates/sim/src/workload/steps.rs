//! The steps of a job: what a finished one shows, and how its time was spent.

use super::{config::seconds, outcome::Work};
use jiff::Timestamp;
use trunkline_model::{Conclusion, Step};

/// The steps of a finished job. The work takes nearly all the time; after it fails only the last step runs.
pub fn steps(work: &Work, conclusion: Conclusion, started: Timestamp) -> Vec<Step> {
    let names = work.kind.steps();
    let main = names.iter().position(|name| *name == work.kind.main_step()).unwrap_or(0);
    let whole = work.duration.as_secs_f64();
    let at = |part: f64| started + seconds(whole * part);
    let (before, after) = (main as f64, (names.len() - 1 - main).max(1) as f64);
    let step = |(index, name): (usize, &&str)| {
        let (from, to) = match index {
            _ if index < main => (0.08 * index as f64 / before, 0.08 * (index + 1) as f64 / before),
            _ if index == main => (0.08, 0.97),
            _ => {
                (0.97 + 0.03 * (index - main - 1) as f64 / after, 0.97 + 0.03 * (index - main) as f64 / after)
            }
        };
        let result = match index {
            _ if index == main => {
                if conclusion == Conclusion::TimedOut {
                    Conclusion::Cancelled
                } else {
                    conclusion
                }
            }
            _ if index < main || index + 1 == names.len() || conclusion == Conclusion::Success => {
                Conclusion::Success
            }
            _ => Conclusion::Skipped,
        };
        Step {
            name: (*name).to_owned(),
            number: index as u32 + 1,
            status: "completed".into(),
            conclusion: Some(result),
            started_at: Some(at(from)),
            completed_at: Some(at(to)),
        }
    };
    names.iter().enumerate().map(step).collect()
}
