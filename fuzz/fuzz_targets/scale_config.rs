//! `scale-config.yml`: problems have places, and every type that is read can be asked for and explained.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trunkline_fleet::{
    labels::{Verdict, explain},
    scale_config::parse,
};
use trunkline_model::Label;

fuzz_target!(|text: &str| {
    let (scale, problems) = parse("scale-config.yml", text);
    trunkline_fuzz::assert_places(text, trunkline_fuzz::YAML_BREAKS, &problems);
    let Some(scale) = scale else {
        assert!(!problems.is_empty());
        return;
    };
    for kind in scale.types().iter().take(50) {
        if let Ok(label) = kind.name.parse::<Label>() {
            let explanation = explain(&scale, &label);
            assert_eq!(explanation.verdict, Verdict::RunnerType, "{explanation}");
        }
    }
});
