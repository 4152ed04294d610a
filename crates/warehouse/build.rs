//! Puts the analytics engine's shared library beside the built programs, where their `$ORIGIN` rpath finds it.
//!
//! Works with any target directory, so plain `cargo build`, tests and benches run without an environment.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    let (Some(from), Some(out)) = (env::var_os("DUCKDB_LIB_DIR"), env::var_os("OUT_DIR")) else {
        return;
    };
    let name = if cfg!(target_os = "macos") { "libduckdb.dylib" } else { "libduckdb.so" };
    let library = PathBuf::from(from).join(name);
    println!("cargo:rerun-if-changed={}", library.display());
    if !library.exists() {
        println!("cargo:warning={} is missing: run `cargo xtask setup` first", library.display());
        return;
    }
    // OUT_DIR is <target>/<profile>/build/<crate>/out.
    let Some(profile) = PathBuf::from(out).ancestors().nth(3).map(PathBuf::from) else { return };
    let target = profile.join(name);
    let same = |a: &PathBuf, b: &PathBuf| match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.len() == b.len(),
        _ => false,
    };
    if !same(&library, &target) {
        let copied = fs::remove_file(&target).or(Ok(())).and_then(|()| fs::copy(&library, &target));
        if let Err(error) = copied {
            println!("cargo:warning=copying {} to {}: {error}", library.display(), target.display());
        }
    }
}
