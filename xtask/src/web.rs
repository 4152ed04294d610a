//! The web UI and the API description it is typed by.

use crate::{
    run::{cargo, check, command, root},
    tools,
};
use anyhow::Result;
use std::fs;

/// Installs the web UI's packages when the lock file changed.
pub(crate) fn install() -> Result<()> {
    let web = root().join("web");
    let wanted = fs::read_to_string(web.join("package-lock.json"))?;
    let marker = web.join("node_modules/.installed");
    if fs::read_to_string(&marker).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    let args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    check(command("npm", &args).current_dir(&web))?;
    fs::write(marker, wanted)?;
    Ok(())
}

/// Builds `web/dist`, which the program embeds.
pub(crate) fn build() -> Result<()> {
    install()?;
    npm_run("build")
}

/// Runs a script of `web/package.json`.
pub(crate) fn npm_run(script: &str) -> Result<()> {
    check(command("npm", &["run", "--silent", script]).current_dir(root().join("web")))
}

/// Refreshes the checked-in API description and the types made from it.
pub(crate) fn openapi() -> Result<()> {
    tools::duckdb()?;
    let update = ["test", "-p", "trunkline-server", "--quiet", "openapi"];
    check(cargo(&update).env("UPDATE_OPENAPI", "1"))?;
    install()?;
    npm_run("types")
}
