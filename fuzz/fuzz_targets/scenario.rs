//! Scenario files: a scenario, or what is wrong with its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trunkline_sim::scenario::parse;

fuzz_target!(|text: &str| {
    if let Err(problems) = parse("scenario.yaml", text) {
        assert!(!problems.is_empty());
        trunkline_fuzz::assert_places(text, trunkline_fuzz::YAML_BREAKS, &problems);
    }
});
