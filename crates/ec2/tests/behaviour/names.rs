//! The names we send are Amazon's: also of calls and parameters that moto ignores.

use crate::{
    amazon::{Amazon, listed, machine, started},
    cloud::{self, order},
};
use jiff::SignedDuration;
use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};
use trunkline_ec2::{
    api::launch::TemplateRef,
    provider::{Reuse, SpareGoal, SpotApi},
};
use trunkline_fleet::provider::{Capacity, Image, MachineSpec, Provider};

#[tokio::test]
async fn every_parameter_is_known_to_amazons_service_model() {
    let Some(python) = cloud::python() else { return };
    let amazon = Amazon::new().await;
    let minutes = SignedDuration::from_mins;
    let mut config = amazon.config();
    config.reuse = Some(Reuse { keep: minutes(30), max_age: minutes(600), max_spares: 5 });
    config.spares.push(SpareGoal { runner_type: "linux.large".into(), running: 1, stopped: 1 });
    config.images.insert("linux-x64".into(), Image::Named(cloud::ami("runner-*", Some("self"))));
    config.security_groups = vec!["sg-1".into()];
    (config.public_address, config.ipv6) = (Some(false), true);
    config.instance_profile = Some("runner".into());
    let mut with_template = config.clone();
    let template = TemplateRef { template: "linux".into(), version: "3".into() };
    with_template.templates.insert("linux-x64".into(), template.clone());
    with_template.spot_api = SpotApi::RunInstances;
    with_template.instance_profile = Some("arn:aws:iam::1:instance-profile/runner".into());

    let mut spot = order("ci-2", "spot");
    spot.machine = MachineSpec { capacity: Capacity::Spot { fallback: true }, ..cloud::machine() };
    amazon.next("RunInstances", [started("i-1"), started("i-2")]);
    let provider = amazon.provider(config);
    // Answers do not matter here, the calls do.
    let _ = provider.launch(&[order("ci-1", "x")]).await;
    let _ = provider.launch(std::slice::from_ref(&spot)).await;
    let _ = amazon.provider(with_template).launch(&[spot]).await;
    let _ = amazon.client().template_version(&template).await;
    let _ = amazon.client().template("linux").await;
    let disk = "<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId></ebs></item>\
                </blockDeviceMapping>";
    let used = machine("i-1", "running", &amazon.ago(30), &[("trunkline:runner", "ci-9")], disk);
    let spare = machine("i-3", "running", &amazon.ago(10), &[("trunkline:spare", "refreshing")], disk);
    let stopped = machine("i-4", "running", &amazon.ago(30), &[("trunkline:spare", "stopped")], disk);
    amazon.always("DescribeInstances", listed(&[used, spare, stopped], None));
    provider.terminate(&"ci-9".parse().unwrap()).await.unwrap();
    let _ = provider.maintain().await;
    let _ = provider.notices().await;
    let _ = provider.doctor().await;
    let client = amazon.client();
    let _ = (client.start_instance("i-4").await, client.delete_volume("vol-1").await);

    let of_ec2 = |call: &&crate::amazon::Call| call.params.get("Version").is_some_and(|v| v == "2016-11-15");
    let calls: Vec<_> =
        amazon.all_calls().iter().filter(of_ec2).map(|c| (c.action.clone(), c.params.clone())).collect();
    let made: BTreeSet<&str> = calls.iter().map(|(action, _)| action.as_str()).collect();
    for action in [
        "CreateFleet",
        "CreateLaunchTemplate",
        "CreateReplaceRootVolumeTask",
        "CreateTags",
        "DeleteTags",
        "DeleteVolume",
        "DescribeImages",
        "DescribeInstances",
        "DescribeInstanceStatus",
        "DescribeLaunchTemplates",
        "DescribeLaunchTemplateVersions",
        "DescribeReplaceRootVolumeTasks",
        "DescribeSpotInstanceRequests",
        "DescribeSubnets",
        "DescribeVolumes",
        "ModifyInstanceAttribute",
        "RunInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstances",
    ] {
        assert!(made.contains(action), "{action} was not called: {made:?}");
    }

    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour/check_names.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(&calls).unwrap().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "names that Amazon does not know");
}
