//! What a definition's name promises against what the definition asks for.

use super::Finding;
use crate::osdc::{
    definition::Definition,
    label::{ADVISED_LENGTH, Isa, MAX_LENGTH, OsdcLabel},
};
use trunkline_model::Severity;

/// From this difference on a size is called far off.
const FAR: f64 = 0.10;

/// GPUs by machine family.
const GPUS: [(&str, &str); 10] = [
    ("g4dn", "t4"),
    ("g5", "a10g"),
    ("g6", "l4"),
    ("gr6", "l4"),
    ("p4d", "a100"),
    ("p4de", "a100"),
    ("p5", "h100"),
    ("p5e", "h200"),
    ("p5en", "h200"),
    ("p6-b200", "b200"),
];
/// GPU machines with AMD processors, although their family does not say so.
const AMD: [&str; 3] = ["g5", "p5", "p5e"];

fn finding(rule: &'static str, severity: Severity, path: &str, message: String, expected: &str) -> Finding {
    Finding { rule, severity, path: path.into(), message, expected: expected.into(), fix: String::new() }
}

/// Checks one definition by itself; `prefix` is the length of the longest prefix any cluster puts before its name.
pub(super) fn check(definition: &Definition, prefix: usize) -> Vec<Finding> {
    let mut findings = vec![];
    let name = &definition.name;
    match name.parse::<OsdcLabel>() {
        Err(error) => {
            let expected = "a label such as `l-x86iamx-8-16`";
            let found =
                finding("osdc.label.grammar", Severity::Error, "runner.name", error.to_string(), expected);
            findings.push(found);
        }
        Ok(label) => {
            if label.canary || label.provider.is_some() {
                let message = format!("`{name}` has a prefix already; clusters add theirs");
                let expected = "the name without provider and `c-`";
                findings.push(finding(
                    "osdc.label.grammar",
                    Severity::Error,
                    "runner.name",
                    message,
                    expected,
                ));
            }
            findings.extend(size(definition, &label));
            findings.extend(machine(definition, &label));
            if label.release != definition.release {
                let message = if label.release {
                    format!("`{name}` says release, its class does not")
                } else {
                    format!("`{name}` has the class release, its name does not say so")
                };
                let expected = "`rel-` in the name exactly when `runner_class` is `release`";
                findings.push(finding(
                    "osdc.label.release",
                    Severity::Warning,
                    "runner.name",
                    message,
                    expected,
                ));
            }
        }
    }
    let length = name.chars().count() + prefix;
    if length > ADVISED_LENGTH {
        let severity = if length > MAX_LENGTH { Severity::Error } else { Severity::Warning };
        let message = format!("`{name}` is {length} characters long with the longest prefix");
        let expected = format!("at most {ADVISED_LENGTH}, and never more than {MAX_LENGTH}");
        findings.push(finding("osdc.label.length", severity, "runner.name", message, &expected));
    }
    let floor = definition.proactive_capacity.max(definition.hud_failure_base_capacity);
    if let Some(burst) = definition.max_burst_capacity.filter(|burst| *burst < floor) {
        let message = format!("{burst} is below the floor of {floor} pairs");
        let expected = "at least `proactive_capacity` and `hud_failure_base_capacity`";
        let path = "runner.max_burst_capacity";
        findings.push(finding("osdc.capacity.order", Severity::Error, path, message, expected));
    }
    findings
}

fn size(definition: &Definition, label: &OsdcLabel) -> Option<Finding> {
    let gpus = label.gpu.map_or(0, |gpu| gpu.count);
    let named = (label.vcpu, u64::from(label.memory_gib) * 1024, gpus);
    let asked = (definition.vcpu, definition.memory_mib, definition.gpu);
    if named == asked {
        return None;
    }
    let mut parts = vec![];
    let mut far = named.2 != asked.2;
    // Sizes are far below 2^52.
    let off = |named: u64, asked: u64| (named as f64 - asked as f64).abs() / named as f64;
    if named.0 != asked.0 {
        far |= off(named.0.into(), asked.0.into()) > FAR;
        parts.push(format!("{} CPUs where the name says {}", asked.0, named.0));
    }
    if named.1 != asked.1 {
        far |= off(named.1, asked.1) > FAR;
        parts.push(format!("{} GiB where the name says {}", gib(asked.1), label.memory_gib));
    }
    if named.2 != asked.2 {
        parts.push(format!("{} GPUs where the name says {}", asked.2, named.2));
    }
    let how = if far { " (more than 10 % off)" } else { "" };
    let message = format!("it asks for {}{how}", parts.join(", "));
    let expected = "a name that says what jobs get";
    let mut found = finding("osdc.label.size", Severity::Warning, "runner.name", message, expected);
    let named = OsdcLabel {
        vcpu: definition.vcpu,
        memory_gib: u32::try_from(definition.memory_gib()).unwrap_or(u32::MAX),
        ..label.clone()
    };
    if definition.gpu == gpus {
        found.fix = format!("rename it to `{named}`, or ask for what it says");
    }
    Some(found)
}

fn gib(mib: u64) -> String {
    if mib.is_multiple_of(1024) { (mib / 1024).to_string() } else { format!("{:.2}", mib as f64 / 1024.0) }
}

/// A machine family taken apart: `m7gd` is generation 7 with `g` and `d`.
fn suffix(family: &str) -> &str {
    let letters = family.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    letters.trim_start_matches(|c: char| c.is_ascii_digit())
}

fn machine(definition: &Definition, label: &OsdcLabel) -> Vec<Finding> {
    let family = definition.instance_type.split('.').next().unwrap_or_default();
    let own = suffix(family);
    let arm = own.starts_with('g');
    let mut wrong = vec![];
    match label.isa {
        Isa::Arm64 { .. } if !arm => wrong.push(format!("`{family}` is no ARM64 machine")),
        Isa::X86 { .. } if arm => wrong.push(format!("`{family}` is an ARM64 machine")),
        Isa::X86 { extension: "amx", .. } if own.starts_with('a') || AMD.contains(&family) => {
            wrong.push(format!("`{family}` has AMD processors, which have no AMX"));
        }
        _ => {}
    }
    let has = GPUS.iter().find(|(known, _)| *known == family).map(|(_, gpu)| *gpu);
    match (label.gpu, has) {
        (Some(gpu), Some(has)) if gpu.model != has => {
            wrong.push(format!("`{family}` has GPUs of model {has}, not {}", gpu.model));
        }
        (Some(gpu), None) if family.starts_with(['c', 'm', 'r']) => {
            wrong.push(format!("`{family}` has no GPU, the name says {}", gpu.model));
        }
        _ => {}
    }
    let expected = "a machine that has what the name says";
    let found =
        |message| finding("osdc.label.machine", Severity::Warning, "runner.instance_type", message, expected);
    wrong.into_iter().map(found).collect()
}
