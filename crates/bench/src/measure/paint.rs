//! From navigation to painted cells, in a real browser, on the real program with all that is stored.

use super::load::Data;
use crate::report::{Report, Target};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{path::Path, process::Command};

const RUNS: &str = "7";

pub(crate) fn run(report: &mut Report, data: &Data, web: &Path) -> Result<()> {
    let running = data.place.start()?;
    // Ungrouped, with everything shown: the most a page can be asked to draw.
    let page = format!("http://{}/hud/{}/main?grouped=0&hide_unstable=0", running.address(), data.repo);
    let output = Command::new("node").args(["e2e/paint.mjs", &page, RUNS]).current_dir(web).output();
    let output = output.context("run node: it needs Node.js, the web folder's packages and Chromium")?;
    ensure!(output.status.success(), "paint.mjs: {}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).context("the browser's figures")?;
    let number = |pointer: &str| {
        said.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer}: {said}"))
    };
    report.budget("page: painted", number("/paint_ms")?, "ms", Target::AtMost(500.0));
    report.add("page: painted, worst", number("/worst_ms")?, "ms");
    report.add("page: columns", number("/columns")?, "");
    report.add("page: cells drawn at first", number("/drawn_cells")?, "");
    report.add("page: p95 of frames while scrolling", number("/scroll_frame_ms/p95_ms")?, "ms");
    // The whole product with the analytics engine in it, a full warehouse behind and pages shown.
    let (now, peak) = running.memory_mib()?;
    report.budget("page: memory of the program", now * 1024.0 * 1024.0 / 1e6, "MB", Target::AtMost(250.0));
    report.add("page: most memory", peak * 1024.0 * 1024.0 / 1e6, "MB");
    running.stop()?;
    Ok(())
}
