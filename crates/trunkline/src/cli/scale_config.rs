//! `trunkline scale-config validate | generate`: one source file, one file per fleet.

use super::{Answer, out};
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use trunkline_fleet::scale_config::{
    self, ScaleConfig,
    generated::{self, FLEETS},
};
use trunkline_model::{Problem, Severity};

#[derive(clap::Subcommand)]
pub(super) enum Verb {
    /// Checks the source strictly, and that the generated files beside it say the same.
    Validate(Args),
    /// Writes the files of the other fleets beside the source.
    Generate(Args),
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// The source.
    #[arg(default_value = ".github/scale-config.yml")]
    source: PathBuf,
}

#[derive(Serialize)]
struct Report {
    types: usize,
    files: Vec<PathBuf>,
    problems: Vec<Problem>,
    errors: usize,
}

pub(super) fn run(verb: &Verb, json: bool) -> Result<Answer> {
    let (Verb::Validate(args) | Verb::Generate(args)) = verb;
    let (text, source, mut problems) = read(&args.source)?;
    let mut files = vec![];
    if let Some(source) = &source {
        for fleet in FLEETS {
            let path = args.source.with_file_name(fleet.file);
            if matches!(verb, Verb::Generate(_)) {
                // A file made from a broken source would lack the broken types.
                if problems.iter().all(|problem| problem.severity != Severity::Error) {
                    std::fs::write(&path, generated::generate(&text, source, fleet))
                        .with_context(|| format!("write `{}`", path.display()))?;
                    files.push(path);
                }
            } else if path.is_file() {
                let (_, theirs, found) = read(&path)?;
                problems.extend(found);
                problems.extend(
                    theirs
                        .map(|theirs| generated::compare(source, &theirs, fleet.prefix))
                        .unwrap_or_default(),
                );
                files.push(path);
            } else {
                out::talk(&format!("note: there is no `{}`", path.display()));
            }
        }
    }
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let types = source.map_or(0, |source| source.types().len());
    let report = Report { types, files, problems, errors };
    if json {
        out::json(&report)?;
    } else {
        for problem in &report.problems {
            out::line(&problem.to_string())?;
        }
        let what = if matches!(verb, Verb::Generate(_)) { "written" } else { "compared" };
        for file in &report.files {
            out::talk(&format!("{what}: {}", file.display()));
        }
        out::talk(&format!("{types} types, {errors} errors"));
    }
    Ok(if errors == 0 { Answer::Ok } else { Answer::Usage })
}

fn read(path: &Path) -> Result<(String, Option<ScaleConfig>, Vec<Problem>)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))?;
    let (config, mut problems) = scale_config::parse(&path.to_string_lossy(), &text);
    generated::strict(&mut problems);
    Ok((text, config, problems))
}
