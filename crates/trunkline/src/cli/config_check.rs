//! `trunkline config check PATH`

use super::{Answer, out};
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use trunkline_fleet::scale_config;
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
    for file in candidates {
        let bytes = std::fs::read(&file).with_context(|| format!("read `{}`", file.display()))?;
        let Ok(text) = String::from_utf8(bytes) else {
            report.problems.push(whole(&file, "this is not UTF-8 text", "save the file as UTF-8"));
            report.files.push(file);
            continue;
        };
        match check(&file, &text) {
            Some(problems) => report.problems.extend(problems),
            None if path.is_dir() => continue,
            None => report.problems.push(whole(
                &file,
                "no configuration that Trunkline knows",
                "name it `trunkline.toml` or `scale-config.yml`, or give it the key `runner_types`",
            )),
        }
        report.files.push(file);
    }
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

fn check(file: &Path, text: &str) -> Option<Vec<Problem>> {
    let name = file.to_string_lossy();
    if file.extension().is_some_and(|extension| extension == "toml") {
        return Some(crate::config::parse(&name, text).1);
    }
    // A YAML file named alone is taken for what the user says it is.
    let yaml = file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    (yaml || scale_config::config_file(file, text).is_some()).then(|| scale_config::parse(&name, text).1)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("read the folder `{}`", folder.display()))?
    {
        let path = entry?.path();
        let text = || std::fs::read_to_string(&path).unwrap_or_default();
        let ours = path.file_name().is_some_and(|name| name == "trunkline.toml")
            || (path.is_file() && scale_config::config_file(&path, &text()).is_some());
        if ours {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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
    }
}
