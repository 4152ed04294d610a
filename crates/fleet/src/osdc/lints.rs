//! Findings over readable files: what would deploy and then surprise. Pure; every finding has a name.
//!
//! | name | finds |
//! |---|---|
//! | `osdc.label.grammar` | a name that is no dashed label, or has a provider prefix already |
//! | `osdc.label.length` | a label that is too long with its prefix |
//! | `osdc.label.size` | a name that says another size than the definition asks for |
//! | `osdc.label.machine` | a name whose instruction set or GPU the machine does not have |
//! | `osdc.label.release` | `rel-` in the name without the class `release`, or the other way round |
//! | `osdc.label.twice` | two definitions of one name |
//! | `osdc.capacity.order` | a burst limit below the warm or the surge floor |
//! | `osdc.cap.cluster` | a cap for a cluster that does not exist |
//! | `osdc.gpu.joint` | caps of labels that share machines and together promise more GPUs than any one of them |
//! | `osdc.scheduler.missing` | a scheduler whose module is not deployed |
//! | `osdc.group.repository` | a runner group beside a repository's address, where groups do not exist |
//! | `osdc.group.shared` | one label in one runner group from two clusters |
//! | `osdc.network.overlap` | clusters whose addresses overlap |
//! | `osdc.section.unused` | settings of a module that the cluster does not deploy |

mod cluster;
mod label;

use super::{clusters::Clusters, definition::Definition};
use crate::yaml::Place;
use std::collections::HashMap;
use trunkline_model::{Problem, Severity};

pub(super) use cluster::network;

/// What one check says; the file and place are added by the caller.
struct Finding {
    rule: &'static str,
    severity: Severity,
    path: String,
    message: String,
    expected: String,
    fix: String,
}

impl Finding {
    fn at(self, file: &str, place: Place) -> Problem {
        Problem {
            file: file.into(),
            line: place.line,
            column: place.column,
            severity: self.severity,
            path: self.path,
            message: self.message,
            expected: self.expected,
            fix: self.fix,
            rule: self.rule,
        }
    }
}

/// Everything that is wrong with the files together, by file and place.
///
/// O(definitions × clusters + clusters²).
pub fn lint(definitions: &[Definition], clusters: Option<&Clusters>) -> Vec<Problem> {
    let mut problems = vec![];
    let mut first: HashMap<&str, &Definition> = HashMap::new();
    for definition in definitions {
        let place = Place { line: definition.line, column: definition.column };
        let longest = clusters.map_or(0, |clusters| cluster::longest_prefix(definition, clusters));
        let mut findings = label::check(definition, longest);
        if let Some(other) = first.get(definition.name.as_str()) {
            findings.push(Finding {
                rule: "osdc.label.twice",
                severity: Severity::Error,
                path: "runner.name".into(),
                message: format!("`{}` is defined in {}:{} already", definition.name, other.file, other.line),
                expected: "one definition for each label".into(),
                fix: "remove one of them".into(),
            });
        } else {
            first.insert(&definition.name, definition);
        }
        problems.extend(findings.into_iter().map(|finding| finding.at(&definition.file, place)));
        if let Some(clusters) = clusters {
            problems.extend(
                cluster::check_definition(definition, clusters).map(|f| f.at(&definition.file, place)),
            );
        }
    }
    problems.extend(cluster::joint_gpus(definitions, clusters));
    if let Some(clusters) = clusters {
        problems.extend(cluster::check(clusters, definitions));
    }
    problems.sort_by(|a, b| (&a.file, a.line, a.column, a.rule).cmp(&(&b.file, b.line, b.column, b.rule)));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osdc::{clusters, definition};

    fn definition(name: &str, more: &str) -> Definition {
        let text = format!("runner:\n  name: {name}\n  disk_size: 50\n{more}");
        let (definition, problems) = definition::parse(&format!("{name}.yaml"), &text);
        definition.unwrap_or_else(|| panic!("{problems:?}"))
    }

    fn told(definitions: &[Definition], clusters: Option<&str>) -> Vec<String> {
        let clusters = clusters.map(|text| {
            let (clusters, problems) = clusters::parse("clusters.yaml", text);
            assert_eq!(problems, [], "the file is readable");
            clusters.expect("clusters")
        });
        lint(definitions, clusters.as_ref()).iter().map(ToString::to_string).collect()
    }

    const SMALL: &str = "  instance_type: c7i.2xlarge\n  vcpu: 8\n  memory: 16Gi\n  gpu: 0\n";

    #[test]
    fn good_definitions_have_no_finding() {
        let t4 = "  instance_type: g4dn.8xlarge\n  vcpu: 29\n  memory: 115Gi\n  gpu: 1\n";
        let all = [definition("l-x86iamx-8-16", SMALL), definition("l-x86iavx512-29-115-t4", t4)];
        assert_eq!(told(&all, None), Vec::<String>::new());
    }

    #[test]
    fn names_that_lie_are_found() {
        let amd = "  instance_type: r7a.2xlarge\n  vcpu: 7\n  memory: 58Gi\n  gpu: 0\n";
        let arm = "  instance_type: m7i.4xlarge\n  vcpu: 16\n  memory: 62Gi\n  gpu: 0\n";
        let gpu = "  instance_type: g6.8xlarge\n  vcpu: 29\n  memory: 113Gi\n  gpu: 0\n";
        let release =
            "  instance_type: c7i.2xlarge\n  vcpu: 8\n  memory: 16Gi\n  gpu: 0\n  runner_class: release\n";
        let burst = format!("{SMALL}  hud_failure_base_capacity: 30\n  max_burst_capacity: 20\n");
        let all = [
            definition("l-x86iamx-8-64", amd),
            definition("l-arm64g3-16-62", arm),
            definition("l-x86aavx2-29-113-a10g", gpu),
            definition("linux.large", SMALL),
            definition("mt-l-x86iamx-8-16", SMALL),
            definition("l-x86iamx-8-16", release),
            definition("l-x86iamx-8-16", &burst),
        ];
        insta::assert_snapshot!(told(&all, None).join("\n"));
    }

    #[test]
    fn clusters_that_surprise_are_found() {
        let clusters = "defaults:\n  pypi_cache: {replicas: 3}\nclusters:\n  \
          east:\n    region: us-east-1\n    base: {vpc_cidr: 10.4.0.0/16}\n    \
          arc-runners: {github_config_url: 'https://github.com/example', runner_name_prefix: 'mt-', runner_group: prod, scheduler_name: bin-pack-scheduler}\n    \
          modules: [arc, arc-runners]\n  \
          west:\n    region: us-west-1\n    base: {vpc_cidr: 10.4.128.0/17}\n    pypi_cache: {replicas: 1}\n    \
          arc-runners: {github_config_url: 'https://github.com/example', runner_name_prefix: 'mt-', runner_group: prod}\n    \
          modules: [arc, arc-runners]\n  \
          lab:\n    region: us-west-1\n    \
          arc-runners: {github_config_url: 'https://github.com/example/repo', runner_group: prod, runner_name_prefix: 'c-mt-very-long-prefix-of-a-laboratory-'}\n    \
          modules: [arc, arc-runners]\n";
        let capped = format!("{SMALL}  max_runners: {{default: 2, north: 3}}\n");
        let whole =
            "  instance_type: p5.48xlarge\n  vcpu: 176\n  memory: 1800Gi\n  gpu: 8\n  max_runners: 1\n";
        let one = "  instance_type: p5.48xlarge\n  vcpu: 22\n  memory: 225Gi\n  gpu: 1\n  max_runners: 8\n";
        let all = [
            definition("l-x86iamx-8-16", &capped),
            definition("l-x86iavx512-22-225-h100", one),
            definition("l-bx86iavx512-176-1800-h100-8", whole),
        ];
        insta::assert_snapshot!(told(&all, Some(clusters)).join("\n"));
    }

    /// The files of a real fleet, where they are at hand.
    #[test]
    fn a_real_fleet_loads_and_its_wrong_names_are_found() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/osdc");
        let Ok(clusters) = std::fs::read_to_string(folder.join("clusters.yaml")) else {
            eprintln!("skipped: no real fleet's files beside the project");
            return;
        };
        let (clusters, problems) = clusters::parse("clusters.yaml", &clusters);
        assert_eq!(problems, []);
        let mut definitions = vec![];
        for entry in std::fs::read_dir(folder.join("runner-defs")).expect("definitions") {
            let path = entry.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            let (definition, problems) = definition::parse(&path.to_string_lossy(), &text);
            assert_eq!(problems, [], "{}", path.display());
            definitions.extend(definition);
        }
        assert_eq!(definitions.len(), 56);
        let found = lint(&definitions, clusters.as_ref());
        assert_eq!(found.iter().filter(|problem| problem.rule == "osdc.label.size").count(), 17);
    }
}
