//! Makes sure that the folder of the built pages exists, so that embedding works before the first `cargo xtask web`.

use std::{fs, path::Path};

fn main() {
    let dist = Path::new("../../web/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    let made = if dist.exists() { Ok(()) } else { fs::create_dir_all(dist) };
    if let Err(error) = made {
        println!("cargo:warning=create {}: {error}", dist.display());
    }
}
