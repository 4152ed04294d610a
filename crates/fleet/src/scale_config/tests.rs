use super::*;
use crate::labels::{Verdict, explain};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use trunkline_model::Severity;

fn lines(text: &str) -> String {
    let (_, problems) = parse("scale-config.yml", text);
    problems.iter().map(|p| format!("{p}\n")).collect()
}

const GOOD: &str = "\
runner_types:
  linux.large:
    disk_size: 15
    instance_type: c7i.large
    is_ephemeral: true
    os: linux
    min_available: 0
    max_available: 100
    labels: [fast, pytorch.runners]
    ami_experiment: {ami: 'al2023-ami-*|123', percentage: 1}
    variants:
      arm: {instance_type: c7g.large, ami: Some Image - 2026|391835788720}
      alias:
  lf.c.windows.8xlarge:
    disk_size: 256
    instance_type: p3.2xlarge
    is_ephemeral: false
    os: windows
    max_available: -1
    variants:
      wincanary: {}
";

#[test]
fn every_key_is_read_and_variants_are_laid_over() {
    let (config, problems) = parse("f", GOOD);
    assert!(problems.is_empty(), "{problems:?}");
    let config = config.unwrap();
    let names: Vec<_> = config.types().iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "linux.large",
            "arm.linux.large",
            "alias.linux.large",
            "lf.c.windows.8xlarge",
            "lf.c.wincanary.windows.8xlarge"
        ]
    );
    let large = config.get("LINUX.large").unwrap();
    assert_eq!((large.min_available, large.max_available), (Some(0), Some(100)));
    assert!((large.ami_experiment.as_ref().unwrap().fraction - 1.0).abs() < f64::EPSILON);
    let arm = config.get("arm.linux.large").unwrap();
    assert_eq!((arm.instance_type.as_str(), arm.disk_size_gb, arm.line), ("c7g.large", Some(15), 12));
    assert_eq!(arm.ami.as_ref().unwrap().to_string(), "Some Image - 2026|391835788720");
    let windows = config.get("lf.c.wincanary.windows.8xlarge").unwrap();
    assert_eq!((windows.max_available, windows.base.as_str()), (None, "lf.c.windows.8xlarge"));
    let labels: Vec<_> = large.registration_labels().iter().map(ToString::to_string).collect();
    assert_eq!(labels, ["linux.large", "fast", "pytorch.runners", "self-hosted", "linux", "x64"]);
}

#[test]
fn all_problems_come_at_once_with_place_and_fix() {
    let text = "\
runner_types:
  linux.large:
    disk_size: 15GB
    instance_tpye: c7i.large
    is_ephemeral: yes
    os: Linux
    labels: [ok, 'not ok']
    ami_experiment: {ami: x, percentage: 20}
  bad_name:
    disk_size: 15
    instance_type: c7i.large
    is_ephemeral: true
    os: linux
    max_available: 8
  linux.large:
    os: linux
  fine:
    disk_size: 15
    instance_type: c7i.large
    is_ephemeral: true
    os: linux
    min_available: 90
    max_available: 60
    ami: 'a|b'
    variants: {v: {variants: {}}}
extra: 1
";
    insta::assert_snapshot!(lines(text));
    let (config, _) = parse("f", text);
    assert_eq!(config.unwrap().types().len(), 0);
}

#[test]
fn one_bad_type_does_not_take_the_others_down() {
    let text = GOOD.replace("os: windows", "os: beos");
    let (config, problems) = parse("f", &text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let config = config.unwrap();
    assert!(config.get("linux.large").is_some());
    assert_eq!(config.dropped(), ["lf.c.windows.8xlarge", "lf.c.wincanary.windows.8xlarge"]);
}

#[test]
fn a_file_that_is_none_is_refused() {
    for (text, says) in [
        ("", "runner_types"),
        ("- a\n", "a list"),
        ("runner_types: 3\n", "`3`"),
        ("runner_type: {}\n", "did you mean `runner_types`?"),
        ("runner_types: [\n", "scale-config.yml:"),
    ] {
        let (config, problems) = parse("scale-config.yml", text);
        assert!(config.is_none(), "{text}");
        let all: String = problems.iter().map(ToString::to_string).collect();
        assert!(all.contains(says), "{text:?}: {all}");
    }
}

/// The workspace's neighbour with real files, when it is there.
pub(crate) fn real_files() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/scale-config");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no real scale configurations at `{}`", folder.display());
        return None;
    };
    Some(entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "yml")).collect())
}

#[test]
fn real_files_load_and_every_label_is_explained() {
    let Some(files) = real_files() else { return };
    assert_eq!(files.len(), 4);
    let mut total = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(config_file(&file, &text), Some(FileKind::ScaleConfig));
        let (config, problems) = parse(name, &text);
        assert!(problems.iter().all(|p| p.severity != Severity::Error), "{name}: {problems:?}");
        let config = config.unwrap();
        assert!(config.types().len() >= 66, "{name}: {}", config.types().len());
        for kind in config.types() {
            let label = kind.name.parse().unwrap();
            let explanation = explain(&config, &label);
            assert_eq!(explanation.verdict, Verdict::RunnerType, "{label}");
            let facts = explanation.runner_type.as_ref().unwrap();
            assert_eq!((&facts.name, facts.line), (&kind.name, kind.line));
            let text = explanation.to_string();
            assert!(text.contains(&kind.instance_type) && text.contains(&kind.base), "{text}");
            let line = std::fs::read_to_string(&file).unwrap().lines().nth(kind.line - 1).unwrap().to_owned();
            let written = kind.variant.as_ref().unwrap_or(&kind.base);
            assert!(line.trim().starts_with(&format!("{written}:")), "{line}");
            total += 1;
        }
    }
    eprintln!("{total} labels of 4 real files explained");
}

proptest! {
    #[test]
    fn never_panics(text in "(runner_types:\n)?([ a-z_:.\\[\\]{}0-9\"'&*<-]{0,30}\n){0,12}") {
        let _ = parse("f", &text);
    }

    #[test]
    fn damage_to_a_good_file_never_panics(at in 0usize..700, with in "\\PC|\n|:|\t") {
        let mut text = GOOD.to_owned();
        if let Some((i, _)) = text.char_indices().nth(at) {
            text.insert_str(i, &with);
        }
        let (config, problems) = parse("f", &text);
        prop_assert!(config.is_some() || !problems.is_empty());
    }
}
