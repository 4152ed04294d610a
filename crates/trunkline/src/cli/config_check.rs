//! `trunkline config check PATH`

use super::{Answer, out};
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use trunkline_fleet::{
    osdc,
    scale_config::{self, FileKind},
};
use trunkline_model::{Problem, Severity};

#[derive(Serialize)]
struct Report {
    files: Vec<PathBuf>,
    problems: Vec<Problem>,
    errors: usize,
}

pub(super) fn run(path: &Path, json: bool) -> Result<Answer> {
    let mut report = Report { files: vec![], problems: vec![], errors: 0 };
    let candidates = if path.is_dir() { files_of(path)? } else { vec![path.to_owned()] };
    let mut kubernetes = Kubernetes::default();
    for file in candidates {
        let bytes = std::fs::read(&file).with_context(|| format!("read `{}`", file.display()))?;
        let Ok(text) = String::from_utf8(bytes) else {
            report.problems.push(whole(&file, "this is not UTF-8 text", "save the file as UTF-8"));
            report.files.push(file);
            continue;
        };
        match check(&file, &text, &mut kubernetes) {
            Some(problems) => report.problems.extend(problems),
            None if path.is_dir() => continue,
            None => report.problems.push(whole(
                &file,
                "no configuration that Trunkline knows",
                "name it `trunkline.toml` or `scale-config.yml`, or give it the key `runner_types`, `runner` or `clusters`",
            )),
        }
        report.files.push(file);
    }
    report.problems.extend(osdc::lints::lint(&kubernetes.definitions, kubernetes.clusters.as_ref()));
    report.problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    report.errors = report.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    if json {
        out::json(&report)?;
    } else {
        for problem in &report.problems {
            out::line(&problem.to_string())?;
        }
        let warnings = report.problems.len() - report.errors;
        out::talk(&format!("{} files, {} errors, {warnings} warnings", report.files.len(), report.errors));
    }
    Ok(match (report.files.is_empty(), report.errors) {
        (false, 0) => Answer::Ok,
        _ => Answer::Usage,
    })
}

/// Files that are checked against each other once all are read.
#[derive(Default)]
struct Kubernetes {
    definitions: Vec<osdc::Definition>,
    clusters: Option<osdc::Clusters>,
}

fn check(file: &Path, text: &str, kubernetes: &mut Kubernetes) -> Option<Vec<Problem>> {
    let name = file.to_string_lossy();
    if has_extension(file, &["toml"]) {
        return Some(crate::config::parse(&name, text).1);
    }
    let kind = scale_config::config_file(file, text);
    match kind {
        Some(FileKind::RunnerDefinition) => {
            let (definition, problems) = osdc::definition::parse(&name, text);
            kubernetes.definitions.extend(definition);
            Some(problems)
        }
        Some(FileKind::Clusters) => {
            let (clusters, problems) = osdc::clusters::parse(&name, text);
            kubernetes.clusters = clusters.or(kubernetes.clusters.take());
            Some(problems)
        }
        Some(FileKind::ScaleConfig) => Some(scale_config::parse(&name, text).1),
        // A YAML file named alone is taken for what the user says it is.
        None => has_extension(file, &["yml", "yaml"]).then(|| scale_config::parse(&name, text).1),
    }
}

fn has_extension(file: &Path, wanted: &[&str]) -> bool {
    file.extension().is_some_and(|extension| wanted.iter().any(|wanted| extension == *wanted))
}

/// Deeper folders are not searched.
const MAX_DEPTH: usize = 8;

/// Every file below the folder that says by its name or its keys that it is ours; links are not followed.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("read the folder `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let hidden =
                entry.file_name().to_string_lossy().starts_with('.') && entry.file_name() != ".github";
            if kind.is_dir() && !hidden && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if kind.is_file() && is_ours(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_ours(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "trunkline.toml") {
        return true;
    }
    has_extension(path, &["yml", "yaml"])
        && std::fs::read_to_string(path).is_ok_and(|text| scale_config::config_file(path, &text).is_some())
}

fn whole(file: &Path, message: &str, fix: &str) -> Problem {
    Problem {
        file: file.to_string_lossy().into_owned(),
        line: 1,
        column: 1,
        severity: Severity::Error,
        path: String::new(),
        message: message.into(),
        expected: String::new(),
        fix: fix.into(),
        rule: "",
    }
}
