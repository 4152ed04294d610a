//! `cargo xtask fuzz`: every fuzz target for a while, from its checked-in corpus.

use crate::{
    run::{check, command, output, root, say},
    tools,
};
use anyhow::{Result, bail};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds per target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target.
    target: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    tools::python_packages()?;
    let fuzz = tools::python_program("cargo-fuzz")?;
    let listed = output(&mut command(&fuzz, &["list"]))?;
    let targets: Vec<&str> =
        listed.lines().filter(|name| args.target.as_deref().is_none_or(|wanted| wanted == *name)).collect();
    if targets.is_empty() {
        bail!("no such fuzz target; there are: {}", listed.replace('\n', ", "));
    }
    let limit = format!("-max_total_time={}", args.seconds);
    for target in &targets {
        let seeds = root().join("fuzz/seeds").join(target);
        let corpus = root().join("fuzz/target/corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        let (corpus, seeds) = (corpus.to_string_lossy().into_owned(), seeds.to_string_lossy().into_owned());
        // Coverage instrumentation alone works on the stable compiler; the sanitizers do not.
        let run = ["run", "--sanitizer", "none", target, &corpus, &seeds, "--"];
        let mut process = command(&fuzz, &run);
        process.args([&limit, "-max_len=65536", "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"]);
        check(process.env("RUSTC_BOOTSTRAP", "1"))?;
    }
    say(&format!("{} fuzz targets, {} s each, no finding", targets.len(), args.seconds));
    Ok(())
}
