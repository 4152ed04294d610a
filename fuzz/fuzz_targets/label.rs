//! Labels, ids and job names: what is read is written as it was; every label is explained.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{fmt::Display, str::FromStr, sync::LazyLock};
use trunkline_fleet::{
    labels::{Choice, Verdict, choose, explain},
    scale_config::{ScaleConfig, parse},
};
use trunkline_model::{BranchName, DeliveryId, JobName, Label, RepoName, RunnerName, Sha};

static SCALE: LazyLock<ScaleConfig> = LazyLock::new(|| {
    let text = include_str!("../../examples/torchlite/scale-config.yml");
    parse("scale-config.yml", text).0.expect("the example is right")
});

fn comes_back<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let written = read.to_string();
        assert!(written.eq_ignore_ascii_case(text), "`{text}` became `{written}`");
        assert!(written.parse::<T>().is_ok_and(|again| again == read));
    }
}

fuzz_target!(|text: &str| {
    comes_back::<Label>(text);
    comes_back::<RepoName>(text);
    comes_back::<Sha>(text);
    comes_back::<BranchName>(text);
    comes_back::<RunnerName>(text);
    comes_back::<DeliveryId>(text);
    let name = JobName::parse(text);
    assert_eq!(name, JobName::parse(text));

    let labels: Vec<Label> = text.split(',').filter_map(|label| label.parse().ok()).collect();
    for label in labels.iter().take(20) {
        let explanation = explain(&SCALE, label);
        assert!(!explanation.why.is_empty() && !explanation.to_string().is_empty());
        let alone = choose(&SCALE, std::slice::from_ref(label), &[]);
        assert_eq!(
            explanation.verdict == Verdict::RunnerType,
            matches!(alone, Choice::Type { .. }),
            "{label}"
        );
    }
    // A job that names a type is served by one of those it names, or by none.
    if let Choice::Type { runner_type, .. } = choose(&SCALE, &labels, &[]) {
        assert!(labels.iter().any(|label| label.as_str().eq_ignore_ascii_case(&runner_type.name)));
    }
});
