//! `trunkline label explain LABEL`

use super::{Answer, out};
use anyhow::{Context, Result};
use std::path::PathBuf;
use trunkline_fleet::{
    labels::{self, Verdict},
    scale_config,
};
use trunkline_model::{Label, Severity};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The label, as in `runs-on`. Without one, every runner type of the file is explained.
    label: Option<String>,
    /// Scale configuration.
    #[arg(short, long, default_value = ".github/scale-config.yml")]
    config: PathBuf,
}

pub(super) fn run(args: &Args, json: bool) -> Result<Answer> {
    let path = &args.config;
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("read the scale configuration `{}` (choose another with --config)", path.display())
    })?;
    let (scale, problems) = scale_config::parse(&path.to_string_lossy(), &text);
    for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
        out::talk(&problem.to_string());
    }
    let Some(scale) = scale else { return Ok(Answer::Usage) };
    let labels: Vec<Label> = match &args.label {
        Some(text) => match text.parse() {
            Ok(label) => vec![label],
            Err(error) => {
                out::talk(&format!("error: {error}"));
                return Ok(Answer::Usage);
            }
        },
        None => scale.types().iter().filter_map(|kind| kind.name.to_string().parse().ok()).collect(),
    };
    let mut known = true;
    let mut all = vec![];
    for label in &labels {
        let explanation = labels::explain(&scale, label);
        known &= !matches!(explanation.verdict, Verdict::Unknown | Verdict::Broken);
        if json {
            all.push(explanation);
        } else {
            out::line(&explanation.to_string())?;
        }
    }
    match (json, all.as_slice()) {
        (true, [one]) if args.label.is_some() => out::json(one)?,
        (true, all) => out::json(&all)?,
        _ => {}
    }
    Ok(if known { Answer::Ok } else { Answer::No })
}
