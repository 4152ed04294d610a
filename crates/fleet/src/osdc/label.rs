//! The grammar of dashed runner labels.
//!
//! ```text
//! label = ["c-"] [provider "-"] ["rel-"] os "-" ["b"] isa "-" vcpu "-" memory ["-" gpu ["-fab"] ["-" count]]
//! ```

use serde::Serialize;
use std::{fmt, str::FromStr};

/// Longer names break the chart that installs a runner scale set.
pub const MAX_LENGTH: usize = 45;
/// Longer names leave no room for what Kubernetes derives from them (21 characters more, 63 at most).
pub const ADVISED_LENGTH: usize = 42;

/// Funder or operator prefixes; the last four are reserved.
pub const PROVIDERS: [&str; 6] = ["mt", "lf", "am", "in", "nv", "ib"];

/// Operating system of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelOs {
    /// `l`
    Linux,
    /// `w`
    Windows,
    /// `m`
    MacOs,
}

/// What the machine can execute. A convention of names, not the vendor of the silicon: `iavx512` runs on AMD too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "arch")]
pub enum Isa {
    /// x86-64.
    X86 {
        /// `i` (Intel-style) or `a` (AMD-style).
        style: char,
        /// `avx2`, `avx512` or `amx`.
        extension: &'static str,
    },
    /// ARM64, by Graviton generation 2 to 4.
    Arm64 {
        /// 2, 3 or 4.
        generation: u8,
    },
}

/// GPUs of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LabelGpu {
    /// `t4`, `a10g`, `l4`, `a100`, `h100` or `b200`.
    pub model: &'static str,
    /// With a channel for fabric handles.
    pub fabric: bool,
    /// How many, at least 1; 1 is not written.
    pub count: u32,
}

/// A label, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OsdcLabel {
    /// Staging.
    pub canary: bool,
    /// Who funds and operates it.
    pub provider: Option<&'static str>,
    /// Release class: machines and runner group of its own.
    pub release: bool,
    /// Operating system.
    pub os: LabelOs,
    /// One job has the whole node.
    pub whole_node: bool,
    /// Instruction set.
    pub isa: Isa,
    /// CPUs.
    pub vcpu: u32,
    /// Memory, GiB.
    pub memory_gib: u32,
    /// GPUs.
    pub gpu: Option<LabelGpu>,
}

/// Where and why a text is no such label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{rest}` at character {position}: expected {expected}")]
pub struct LabelError {
    /// Character, from 1.
    pub position: usize,
    /// What stands there.
    pub rest: String,
    /// What the grammar has there.
    pub expected: &'static str,
}

const EXTENSIONS: [&str; 3] = ["avx2", "avx512", "amx"];
const GPUS: [&str; 6] = ["t4", "a10g", "l4", "a100", "h100", "b200"];

/// The dash-separated parts that are left.
struct Parts<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parts<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.text.get(self.at..).map(|rest| rest.split('-').next().unwrap_or(rest))
    }

    fn skip(&mut self, part: &str) {
        self.at += part.len() + 1;
    }

    fn take(&mut self, part: &str) -> bool {
        let there = self.peek() == Some(part);
        if there {
            self.skip(part);
        }
        there
    }

    fn error(&self, expected: &'static str) -> LabelError {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let position = self.text.get(..self.at).map_or(self.text.chars().count(), |t| t.chars().count()) + 1;
        LabelError { position, rest: rest.chars().take(60).flat_map(char::escape_debug).collect(), expected }
    }

    fn one_of(&mut self, known: &[&'static str]) -> Option<&'static str> {
        let found = known.iter().copied().find(|known| self.peek() == Some(known))?;
        self.skip(found);
        Some(found)
    }

    /// A number from 1 on without leading zeros.
    fn number(&mut self, expected: &'static str) -> Result<u32, LabelError> {
        let part = self.peek().unwrap_or_default();
        let plain = !part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
        match part.parse() {
            Ok(number) if plain => {
                self.skip(part);
                Ok(number)
            }
            _ => Err(self.error(expected)),
        }
    }
}

fn isa(part: &str) -> Option<(bool, Isa)> {
    let (whole_node, isa) = part.strip_prefix('b').map_or((false, part), |rest| (true, rest));
    if let Some(generation) = isa.strip_prefix("arm64g") {
        let generation = generation.parse().ok().filter(|g| (2..=4).contains(g) && generation.len() == 1)?;
        return Some((whole_node, Isa::Arm64 { generation }));
    }
    let rest = isa.strip_prefix("x86")?;
    let style = rest.chars().next().filter(|style| matches!(style, 'i' | 'a'))?;
    let extension = EXTENSIONS.into_iter().find(|known| *known == &rest[1..])?;
    Some((whole_node, Isa::X86 { style, extension }))
}

impl FromStr for OsdcLabel {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let mut parts = Parts { text, at: 0 };
        let canary = parts.take("c");
        let provider = parts.one_of(&PROVIDERS);
        let release = parts.take("rel");
        let os = match parts.one_of(&["l", "w", "m"]) {
            Some("l") => LabelOs::Linux,
            Some("w") => LabelOs::Windows,
            Some(_) => LabelOs::MacOs,
            None => {
                return Err(parts.error(
                    "`l`, `w` or `m` for the system, after an optional `c-`, `mt-` or another provider, `rel-`",
                ));
            }
        };
        let part = parts.peek().unwrap_or_default();
        let Some((whole_node, isa)) = isa(part) else {
            return Err(parts.error(
                "`x86` with `i` or `a` and `avx2`, `avx512` or `amx`, or `arm64g2` to `arm64g4`, with a `b` before it for a whole node",
            ));
        };
        parts.skip(part);
        let vcpu = parts.number("the number of CPUs, without leading zeros")?;
        let memory_gib = parts.number("the memory in GiB, without leading zeros")?;
        let gpu = match parts.peek() {
            None => None,
            Some(_) => {
                let Some(model) = parts.one_of(&GPUS) else {
                    return Err(parts.error("`t4`, `a10g`, `l4`, `a100`, `h100` or `b200`, or the end"));
                };
                let fabric = parts.take("fab");
                let count = match parts.peek() {
                    Some(_) => parts.number("the number of GPUs, without leading zeros, or the end")?,
                    None => 1,
                };
                Some(LabelGpu { model, fabric, count })
            }
        };
        if parts.peek().is_some() {
            return Err(parts.error("the end"));
        }
        Ok(Self { canary, provider, release, os, whole_node, isa, vcpu, memory_gib, gpu })
    }
}

impl fmt::Display for OsdcLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.canary {
            f.write_str("c-")?;
        }
        if let Some(provider) = self.provider {
            write!(f, "{provider}-")?;
        }
        if self.release {
            f.write_str("rel-")?;
        }
        f.write_str(match self.os {
            LabelOs::Linux => "l-",
            LabelOs::Windows => "w-",
            LabelOs::MacOs => "m-",
        })?;
        if self.whole_node {
            f.write_str("b")?;
        }
        match self.isa {
            Isa::X86 { style, extension } => write!(f, "x86{style}{extension}")?,
            Isa::Arm64 { generation } => write!(f, "arm64g{generation}")?,
        }
        write!(f, "-{}-{}", self.vcpu, self.memory_gib)?;
        if let Some(gpu) = self.gpu {
            write!(f, "-{}{}", gpu.model, if gpu.fabric { "-fab" } else { "" })?;
            if gpu.count > 1 {
                write!(f, "-{}", gpu.count)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The grammar as one expression, to compare with.
    const EXPRESSION: &str = r"^(c-)?(?:(mt|lf|am|in|nv|ib)-)?(rel-)?(l|w|m)-(b)?(?:x86([ia])(avx2|avx512|amx)|arm64(g[234]))-([1-9]\d*)-([1-9]\d*)(?:-(t4|a10g|l4|a100|h100|b200)(-fab)?(?:-([1-9]\d*))?)?$";

    #[test]
    fn a_label_is_taken_apart() {
        let label: OsdcLabel = "c-mt-l-bx86iamx-176-1800-h100-fab-8".parse().expect("a label");
        assert!(label.canary && label.whole_node && !label.release);
        assert_eq!(label.provider, Some("mt"));
        assert_eq!(label.isa, Isa::X86 { style: 'i', extension: "amx" });
        assert_eq!((label.vcpu, label.memory_gib), (176, 1800));
        assert_eq!(label.gpu, Some(LabelGpu { model: "h100", fabric: true, count: 8 }));
    }

    #[test]
    fn errors_name_the_place() {
        let error = |text: &str| text.parse::<OsdcLabel>().expect_err("no label").to_string();
        insta::assert_snapshot!(
            [
                "",
                "linux.2xlarge",
                "l-x86zamx-1-2",
                "l-x86iamx-08-2",
                "l-x86iamx-8",
                "mt-l-arm64g3-16-62-v100",
                "l-x86iamx-8-16-t4-2-3",
                "c-"
            ]
            .map(error)
            .join("\n")
        );
    }

    fn texts() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "c",
            "mt",
            "lf",
            "xx",
            "rel",
            "l",
            "w",
            "m",
            "bx86iamx",
            "x86iavx2",
            "x86aavx512",
            "arm64g3",
            "barm64g4",
            "arm64g5",
            "x86iavx",
            "1",
            "16",
            "016",
            "0",
            "225",
            "t4",
            "a10g",
            "b200",
            "fab",
            "8",
            "",
        ]);
        prop::collection::vec(part, 1..10).prop_map(|parts| parts.join("-"))
    }

    fn likely() -> impl Strategy<Value = String> {
        let pick = prop::sample::select::<&'static str>;
        (
            pick(vec!["", "c-"]),
            pick(vec!["", "mt-", "ib-"]),
            pick(vec!["", "rel-"]),
            pick(vec!["l-", "w-", "m-", "x-"]),
            pick(vec!["x86iamx", "bx86aavx2", "arm64g2", "barm64g4", "arm64g1"]),
            pick(vec!["-8-16", "-1-1", "-0-4", "-16-128"]),
            pick(vec!["", "-t4", "-h100-fab", "-a100-2", "-h100-fab-8", "-b200-1", "-l4-0", "-"]),
        )
            .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat())
    }

    proptest! {
        #[test]
        fn it_reads_what_the_expression_matches(text in prop_oneof![texts(), likely()]) {
            let matches = regex::Regex::new(EXPRESSION).expect("an expression").is_match(&text);
            prop_assert_eq!(text.parse::<OsdcLabel>().is_ok(), matches, "{}", text);
        }

        #[test]
        fn it_is_written_as_it_was_read(text in likely()) {
            if let Ok(label) = text.parse::<OsdcLabel>() {
                // A count of 1 is the one thing that has two spellings.
                prop_assert_eq!(label.to_string(), text.strip_suffix("b200-1").map_or(text.clone(), |t| format!("{t}b200")));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = text.parse::<OsdcLabel>().map_err(|error| error.to_string());
        }
    }
}
