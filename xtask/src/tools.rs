//! What builds and tests need from outside, fetched into the ignored folder `.tools` (or installed from Debian).
//!
//! Every step looks first and does nothing when the right version is there, so verbs can call them freely.
//! `TRUNKLINE_TOOLS_CACHE` names a folder that outlives the checkout: `.tools` becomes a link to it.

use crate::run::{check, command, exists, output, root, say};
use anyhow::{Context, Result, bail};
use std::{fs, path::PathBuf};

/// Version of the npm package that carries `libduckdb.so`; must equal the `duckdb` crate's engine version.
const DUCKDB_NPM_VERSION: &str = "1.5.6-r.1";

/// The ignored folder.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = root().join(".tools");
    if let Some(cache) = std::env::var_os("TRUNKLINE_TOOLS_CACHE")
        && !folder.exists()
    {
        fs::create_dir_all(&cache).context("create the tools cache")?;
        std::os::unix::fs::symlink(&cache, &folder).context("link .tools to the tools cache")?;
    }
    fs::create_dir_all(&folder).context("create .tools")?;
    Ok(folder)
}

/// Everything.
pub(crate) fn setup_all() -> Result<()> {
    duckdb()?;
    node_packages()?;
    python_packages()?;
    system_packages()
}

/// The analytics engine's prebuilt library.
pub(crate) fn duckdb() -> Result<()> {
    let folder = folder()?.join("duckdb");
    let marker = folder.join(format!("version-{DUCKDB_NPM_VERSION}"));
    if marker.exists() {
        return Ok(());
    }
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    say(&format!("fetching the analytics engine ({DUCKDB_NPM_VERSION}, {os}-{arch})"));
    need("npm", "Node.js with npm")?;
    fs::create_dir_all(&folder)?;
    let package = format!("@duckdb/node-bindings-{os}-{arch}@{DUCKDB_NPM_VERSION}");
    let archive = output(command("npm", &["pack", "--silent", &package]).current_dir(&folder))?;
    let archive = archive.lines().last().unwrap_or_default().to_string();
    check(command("tar", &["xzf", &archive]).current_dir(&folder))?;
    let name = if cfg!(target_os = "macos") { "libduckdb.dylib" } else { "libduckdb.so" };
    fs::rename(folder.join("package").join(name), folder.join(name))
        .with_context(|| format!("`{name}` of {package}"))?;
    fs::remove_dir_all(folder.join("package"))?;
    fs::remove_file(folder.join(archive))?;
    fs::write(marker, "")?;
    Ok(())
}

/// GitHub's API description and webhook examples.
pub(crate) fn node_packages() -> Result<()> {
    let folder = folder()?;
    let wanted = fs::read_to_string(root().join("tools/package-lock.json"))?;
    let marker = folder.join("node-packages.installed");
    if fs::read_to_string(&marker).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    need("npm", "Node.js with npm")?;
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(root().join("tools").join(file), folder.join(file))?;
    }
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    check(command("npm", &args).current_dir(&folder))?;
    fs::write(marker, wanted)?;
    Ok(())
}

/// A Python environment with a real ClickHouse engine and the checkers.
pub(crate) fn python_packages() -> Result<()> {
    let folder = folder()?.join("python");
    let wanted = fs::read_to_string(root().join("tools/requirements.txt"))?;
    let marker = folder.join("requirements.installed");
    if fs::read_to_string(&marker).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    if !exists("python3") {
        apt_install(&["python3", "python3-venv"])?;
    }
    let path = folder.to_string_lossy().into_owned();
    if check(&mut command("python3", &["-m", "venv", "--clear", &path])).is_err() {
        apt_install(&["python3-venv"])?;
        check(&mut command("python3", &["-m", "venv", "--clear", &path]))?;
    }
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    let requirements = root().join("tools/requirements.txt").to_string_lossy().into_owned();
    let args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &requirements];
    check(&mut command(&python, &args))?;
    fs::write(marker, wanted)?;
    Ok(())
}

/// PostgreSQL and a browser, from Debian.
pub(crate) fn system_packages() -> Result<()> {
    let mut missing = Vec::new();
    if postgres_bin().is_none() {
        missing.push("postgresql");
    }
    if chromium().is_none() {
        missing.push("chromium");
    }
    if missing.is_empty() { Ok(()) } else { apt_install(&missing) }
}

/// Folder of PostgreSQL's server programs.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop()
}

/// The browser.
pub(crate) fn chromium() -> Option<PathBuf> {
    let chosen = std::env::var_os("TRUNKLINE_CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    chosen.into_iter().chain(usual.into_iter().map(PathBuf::from)).find(|path| path.exists())
}

/// A program from the Python environment, or from the path.
pub(crate) fn python_program(name: &str) -> Result<String> {
    let own = folder()?.join("python/bin").join(name);
    Ok(if own.exists() { own.to_string_lossy().into_owned() } else { name.to_string() })
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !exists("apt-get") {
        bail!("missing: {list}; install them with your system's package manager and run again");
    }
    let root_user = output(&mut command("id", &["-u"]))? == "0";
    let (program, prefix): (&str, &[&str]) =
        if root_user { ("apt-get", &[]) } else { ("sudo", &["apt-get"]) };
    let apt = |args: &[&str]| {
        let all: Vec<&str> = prefix.iter().chain(args).copied().collect();
        check(command(program, &all).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    say(&format!("installing from Debian: {list}"));
    apt(&["update", "-q"])?;
    let mut args = vec!["install", "-qq", "-y", "--no-install-recommends"];
    args.extend(packages);
    apt(&args)
}

fn need(program: &str, what: &str) -> Result<()> {
    if exists(program) { Ok(()) } else { bail!("`{program}` is missing: install {what} and run again") }
}
