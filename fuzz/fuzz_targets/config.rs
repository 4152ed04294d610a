//! `trunkline.toml`: a text is a configuration or has errors, each in a place of the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The binary's own module: it has no library to take it from, and needs none of the rest of the program.
#[path = "../../crates/trunkline/src"]
#[allow(dead_code, reason = "only the parser is of interest")]
mod program {
    pub(crate) mod config;
}

fuzz_target!(|text: &str| {
    let (config, problems) = program::config::parse("trunkline.toml", text);
    let errors =
        problems.iter().filter(|problem| problem.severity == trunkline_model::Severity::Error).count();
    assert_eq!(config.is_some(), errors == 0, "{problems:?}");
    trunkline_fuzz::assert_places(text, trunkline_fuzz::TOML_BREAKS, &problems);
});
