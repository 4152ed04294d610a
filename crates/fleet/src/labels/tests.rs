use super::*;
use crate::scale_config::parse;

fn config() -> ScaleConfig {
    let text = "\
runner_types:
  linux.arm64.2xlarge:
    {disk_size: 256, instance_type: t4g.2xlarge, is_ephemeral: true, os: linux, min_available: 0}
  linux.g5.nvidia.gpu:
    disk_size: 150
    instance_type: g5.4xlarge
    is_ephemeral: true
    os: linux
    max_available: 80
    labels: [fast, linux.arm64.2xlarge]
    variants:
      amz2023:
        ami: al2023*|123
        ami_experiment: {ami: new, percentage: 0.25}
  broken: {disk_size: 1, instance_type: x, is_ephemeral: true, os: beos}
";
    parse("scale-config.yml", text).0.unwrap()
}

fn labels(all: &[&str]) -> Vec<Label> {
    all.iter().map(|l| l.parse().unwrap()).collect()
}

fn chosen(all: &[&str]) -> String {
    match choose(&config(), &labels(all), &labels(&["pytorch.runners"])) {
        Choice::Type { runner_type, also_named } => format!("{} {also_named:?}", runner_type.name),
        Choice::Uncovered { runner_type, missing } => format!("{} lacks {missing:?}", runner_type.name),
        Choice::GitHubHosted => "github".into(),
        Choice::NotOurs => "none".into(),
    }
}

#[test]
fn a_job_gets_one_runner_of_the_type_it_names() {
    assert_eq!(chosen(&["Linux.ARM64.2xlarge"]), "linux.arm64.2xlarge []");
    assert_eq!(chosen(&["self-hosted", "linux", "linux.g5.nvidia.gpu"]), "linux.g5.nvidia.gpu []");
    assert_eq!(chosen(&["linux.g5.nvidia.gpu", "fast", "pytorch.runners"]), "linux.g5.nvidia.gpu []");
    assert_eq!(chosen(&["linux.g5.nvidia.gpu", "slow"]), "linux.g5.nvidia.gpu lacks [label:slow]");
    assert_eq!(chosen(&["fast"]), "none");
    assert_eq!(chosen(&["self-hosted"]), "none");
    assert_eq!(chosen(&[]), "none");
}

#[test]
fn several_types_in_one_job_get_one_launch() {
    // The second one registers with the first one's name too, so GitHub can give it the job.
    assert_eq!(
        chosen(&["linux.arm64.2xlarge", "linux.g5.nvidia.gpu"]),
        "linux.g5.nvidia.gpu [\"linux.arm64.2xlarge\"]"
    );
    assert_eq!(
        chosen(&["linux.arm64.2xlarge", "amz2023.linux.g5.nvidia.gpu", "linux.g5.nvidia.gpu"]),
        "linux.arm64.2xlarge [\"amz2023.linux.g5.nvidia.gpu\", \"linux.g5.nvidia.gpu\"]"
    );
}

#[test]
fn hosted_labels_are_recognised_and_lookalikes_are_not() {
    for hosted in ["ubuntu-latest", "Ubuntu-24.04-arm", "windows-2022", "macos-15-xlarge", "ubuntu-slim"] {
        assert_eq!(chosen(&[hosted]), "github", "{hosted}");
    }
    for other in ["my-ubuntu-22", "windows-gpu", "ubuntu", "ubuntu-lates"] {
        assert_eq!(chosen(&[other]), "none", "{other}");
    }
}

fn text(label: &str) -> String {
    explain(&config(), &label.parse().unwrap()).to_string()
}

#[test]
fn a_variant_is_explained() {
    insta::assert_snapshot!(text("amz2023.linux.g5.nvidia.gpu"));
}

#[test]
fn other_labels_are_explained() {
    let all = ["linux.arm64.2xlarg", "ubuntu-24.04", "self-hosted", "fast", "broken", "LINUX.arm64.2xlarge"];
    insta::assert_snapshot!(all.map(text).join("\n"));
    let json = serde_json::to_value(explain(&config(), &"linux.arm64.2xlarg".parse().unwrap())).unwrap();
    assert_eq!(json["verdict"], "unknown");
    assert_eq!(json["nearest"][0], "linux.arm64.2xlarge");
}
