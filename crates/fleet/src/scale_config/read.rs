//! From the YAML tree to runner types.

use super::{
    RunnerType, ScaleConfig,
    values::{Field, Report, is_name},
    variants::variant_name,
};
use crate::yaml::{self, Node, Place, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use trunkline_model::{Problem, Severity};

const TYPE_KEYS: [&str; 10] = [
    "instance_type",
    "os",
    "disk_size",
    "is_ephemeral",
    "min_available",
    "max_available",
    "labels",
    "ami",
    "ami_experiment",
    "variants",
];
const REQUIRED: [&str; 4] = ["instance_type", "os", "disk_size", "is_ephemeral"];
/// Smaller caps are suspicious: they trip alerts as soon as a large change comes in.
const SMALL_CAP: i64 = 50;

type Fields<'n> = BTreeMap<&'n str, Field<'n>>;

/// Reads a scale configuration. Absent when the file as a whole is unusable; problems come in order of place.
///
/// A type with an error in it is left out of the configuration ([`ScaleConfig::dropped`]); the others are in it.
/// A missing `disk_size` or `is_ephemeral` and unknown keys are errors that leave the type usable.
pub fn parse(file: &str, text: &str) -> (Option<ScaleConfig>, Vec<Problem>) {
    let (root, problems) = yaml::parse(file, text);
    let mut reader =
        Reader { report: Report { file, problems }, types: vec![], dropped: vec![], names: HashMap::new() };
    let config = root.and_then(|root| reader.root(&root));
    let mut seen = HashSet::new();
    // A variant repeats what its type already reported.
    let mut problems = reader.report.problems;
    problems.retain(|p| seen.insert((p.line, p.column, p.message.clone())));
    problems.sort_by(|a, b| (a.line, a.column, &a.path).cmp(&(b.line, b.column, &b.path)));
    (config, problems)
}

struct Reader<'a> {
    report: Report<'a>,
    types: Vec<RunnerType>,
    dropped: Vec<String>,
    /// Lower-case names with their lines.
    names: HashMap<String, usize>,
}

impl Reader<'_> {
    fn error(&mut self, place: Place, path: &str, message: String, expected: &str, fix: &str) {
        self.report.add(Severity::Error, place, path, message, expected, fix);
    }

    fn root(&mut self, root: &Node) -> Option<ScaleConfig> {
        let expected = "a mapping with the key `runner_types`";
        let Value::Mapping(pairs) = &root.value else {
            self.error(root.place, "", format!("the document is {}", root.describe()), expected, "");
            return None;
        };
        let mut types = None;
        for (key, value) in pairs {
            match &key.value {
                Value::Scalar { text, .. } if text == "runner_types" => types = Some(value),
                Value::Scalar { text, .. } => self.report.unknown_key(key, text, text, &["runner_types"]),
                _ => {}
            }
        }
        let Some(types) = types else {
            self.error(root.place, "", "`runner_types` is missing".into(), expected, "");
            return None;
        };
        let Value::Mapping(types) = &types.value else {
            let found = format!("found {}", types.describe());
            self.error(types.place, "runner_types", found, "a mapping from type name to type", "");
            return None;
        };
        for (key, value) in types {
            self.runner_type(key, value);
        }
        let (types, dropped) = (std::mem::take(&mut self.types), std::mem::take(&mut self.dropped));
        Some(ScaleConfig::new(self.report.file, types, dropped))
    }

    /// One entry of `runner_types` with its variants.
    fn runner_type(&mut self, key: &Node, value: &Node) {
        let Value::Scalar { text: name, .. } = &key.value else { return };
        let path = format!("runner_types.{name}");
        let named = is_name(name);
        if !named {
            let expected = "a name of letters, digits, `.` and `-`";
            self.error(key.place, &path, format!("the name is {}", key.describe()), expected, "");
        }
        let Value::Mapping(pairs) = &value.value else {
            let found = format!("found {}", value.describe());
            self.error(value.place, &path, found, "a mapping with `instance_type`, `os`, …", "");
            self.dropped.push(name.clone());
            return;
        };
        let fields = self.fields(pairs, &path, &TYPE_KEYS);
        for missing in REQUIRED.iter().filter(|required| !fields.contains_key(**required)) {
            self.error(
                key.place,
                &path,
                format!("`{missing}` is missing"),
                &format!("the key `{missing}`"),
                "",
            );
        }
        let base = self.build(&fields);
        let place = key.place;
        let mut variants: Vec<(&Node, &str, Fields<'_>)> = vec![];
        if let Some(field) = fields.get("variants") {
            variants = self.variants(field);
        }
        self.keep(place, name, name, None, base.filter(|_| named));
        for (key, variant, overlay) in variants {
            let full = variant_name(name, variant);
            let fits = is_name(&full);
            if !fits {
                let message = format!("the name becomes {} characters long", full.len());
                let path = format!("{path}.variants.{variant}");
                self.error(key.place, &path, message, "at most 256 characters", "");
            }
            let mut merged: Fields<'_> = BTreeMap::new();
            for (k, field) in fields.iter().chain(&overlay) {
                merged.insert(k, Field { node: field.node, path: field.path.clone() });
            }
            let built = self.build(&merged).filter(|_| named && fits);
            self.keep(key.place, &full, name, Some(variant), built);
        }
    }

    /// Known keys of one mapping; the others are reported.
    fn fields<'n>(&mut self, pairs: &'n [(Node, Node)], path: &str, known: &[&str]) -> Fields<'n> {
        let mut fields = BTreeMap::new();
        for (key, node) in pairs {
            let Value::Scalar { text, .. } = &key.value else { continue };
            let path = format!("{path}.{text}");
            if known.contains(&text.as_str()) {
                fields.insert(text.as_str(), Field { node, path });
            } else {
                self.report.unknown_key(key, &path, text, known);
            }
        }
        fields
    }

    fn variants<'n>(&mut self, field: &Field<'n>) -> Vec<(&'n Node, &'n str, Fields<'n>)> {
        if field.node.is_null() {
            return vec![];
        }
        let Value::Mapping(pairs) = &field.node.value else {
            let found = format!("found {}", field.node.describe());
            let expected = "a mapping from variant name to the keys that differ";
            self.error(field.node.place, &field.path, found, expected, "");
            return vec![];
        };
        let without_variants = &TYPE_KEYS[..TYPE_KEYS.len() - 1];
        let mut variants = vec![];
        for (key, node) in pairs {
            let Value::Scalar { text: name, .. } = &key.value else { continue };
            let path = format!("{}.{name}", field.path);
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                let found = format!("the variant's name is {}", key.describe());
                self.error(key.place, &path, found, "letters and digits", "");
                continue;
            }
            let overlay = match &node.value {
                Value::Mapping(pairs) => self.fields(pairs, &path, without_variants),
                _ if node.is_null() => BTreeMap::new(),
                _ => {
                    let found = format!("found {}", node.describe());
                    self.error(node.place, &path, found, "a mapping of the keys that differ, or nothing", "");
                    continue;
                }
            };
            variants.push((key, name.as_str(), overlay));
        }
        variants
    }

    /// Reads all values of a type, reporting each that is wrong. Names are filled in by [`Reader::keep`].
    fn build(&mut self, fields: &Fields<'_>) -> Option<RunnerType> {
        let r = &mut self.report;
        let mut good = true;
        // Reads one key; a present but wrong value spoils the type.
        macro_rules! read {
            ($key:literal, $read:expr) => {
                match fields.get($key) {
                    None => None,
                    Some(field) => {
                        let read: Option<_> = $read(r, field);
                        good &= read.is_some();
                        read
                    }
                }
            };
        }
        let instance_type = read!("instance_type", Report::instance_type);
        let os = read!("os", Report::os);
        let disk = read!("disk_size", |r: &mut Report<'_>, f: &Field<'_>| r.whole(
            f,
            (1, 65_536),
            "a whole number of GB from 1 to 65536"
        ));
        let is_ephemeral = read!("is_ephemeral", Report::boolean).unwrap_or(false);
        let min = read!("min_available", |r: &mut Report<'_>, f: &Field<'_>| r.whole(
            f,
            (0, 1_000_000),
            "a whole number from 0 on"
        ));
        let max = read!("max_available", |r: &mut Report<'_>, f: &Field<'_>| r.whole(
            f,
            (i64::from(i32::MIN), 1_000_000),
            "a whole number of at least 50, or a negative one for no limit"
        ));
        let labels = read!("labels", Report::labels).unwrap_or_default();
        let ami = read!("ami", Report::ami);
        let ami_experiment = read!("ami_experiment", Report::ami_experiment);
        if let (Some(max), Some(field)) = (max, fields.get("max_available")) {
            let (place, path) = (field.node.place, field.path.as_str());
            let warn = Severity::Warning;
            if (0..SMALL_CAP).contains(&max) {
                let message = if max == 0 {
                    "0 means no limit".to_owned()
                } else {
                    format!("{max} is a small limit: one large change reaches it")
                };
                r.add(warn, place, path, message, "at least 50, or a negative number for no limit", "");
            }
            if let Some(min) = min.filter(|min| max > 0 && *min > max) {
                let message = format!("{max} is below `min_available` {min}");
                r.add(warn, place, path, message, "a limit above the floor", "");
            }
        }
        let number = |n: i64| u32::try_from(n).ok();
        good.then_some(())?;
        Some(RunnerType {
            name: String::new(),
            base: String::new(),
            variant: None,
            line: 0,
            instance_type: instance_type?,
            os: os?,
            disk_size_gb: disk.and_then(number),
            is_ephemeral,
            min_available: min.and_then(number),
            max_available: max.filter(|max| *max > 0).and_then(number),
            labels,
            ami,
            ami_experiment,
        })
    }

    /// Adds a type under its name, unless that name (case aside) is taken.
    fn keep(
        &mut self,
        place: Place,
        name: &str,
        base: &str,
        variant: Option<&str>,
        built: Option<RunnerType>,
    ) {
        if let Some(line) = self.names.get(&name.to_lowercase()) {
            let path = variant.map_or_else(
                || format!("runner_types.{name}"),
                |variant| format!("runner_types.{base}.variants.{variant}"),
            );
            let message = format!("a type `{name}` is already there from line {line} (case does not count)");
            self.error(place, &path, message, "each name once", "rename or remove one of them");
            return;
        }
        self.names.insert(name.to_lowercase(), place.line);
        match built {
            Some(built) => self.types.push(RunnerType {
                name: name.into(),
                base: base.into(),
                variant: variant.map(String::from),
                line: place.line,
                ..built
            }),
            None => self.dropped.push(name.into()),
        }
    }
}
