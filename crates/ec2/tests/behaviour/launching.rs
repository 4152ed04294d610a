use crate::cloud::{ami, keys, machine, order};
use secrecy::ExposeSecret;
use trunkline_ec2::{api::launch::TemplateRef, provider::SpotApi};
use trunkline_fleet::{
    provider::{Capacity, ErrorClass, Image, LaunchSpec, MachineSpec, Owner, Provider},
    scale_config::Os,
};

async fn one(
    provider: &dyn Provider,
    order: LaunchSpec,
) -> Result<trunkline_fleet::provider::Machine, trunkline_fleet::provider::Error> {
    provider.launch(&[order]).await.remove(0)
}

#[tokio::test]
async fn a_machine_has_the_tags_disk_and_metadata_of_a_fleet() {
    let cloud = new_cloud!();
    let mut config = cloud.config();
    config.deploy = Some("20260101000000".into());
    config.tags.insert("Project".into(), "example/example".into());
    let mut order = order("ci-1", "secret-one");
    order.machine = MachineSpec { owner: Some(Owner::Repository("octo/repo".parse().unwrap())), ..machine() };
    let provider = cloud.provider(config);
    let started = one(&provider, order).await.unwrap();
    let found = cloud.machine_of("ci-1").await;
    assert_eq!(found.id, started.id);
    assert_eq!(found.instance_type, "m5.large");
    for (key, value) in [
        ("Application", "github-action-runner"),
        ("Environment", "ghci"),
        ("RunnerType", "linux.large"),
        ("Repo", "octo/repo"),
        ("ApplicationDeployDatetime", "20260101000000"),
        ("InstanceManagement", "dynamic"),
        ("Name", "ghci-action-runner"),
        ("Project", "example/example"),
        ("Team", "ci"),
        ("GithubRunnerID", "42"),
        ("trunkline:runner", "ci-1"),
    ] {
        assert_eq!(found.tag(key), Some(value), "{key}");
    }
    assert!(found.disks[0].ends_with_machine);
    let volume = cloud.call(&[("Action", "DescribeVolumes"), ("VolumeId.1", &found.disks[0].volume)]).await;
    for part in [
        "<size>50</size>",
        "<volumeType>gp3</volumeType>",
        "<encrypted>true</encrypted>",
        "<value>ghci</value>",
    ] {
        assert!(volume.contains(part), "{part}: {volume}");
    }
    let raw = cloud.call(&[("Action", "DescribeInstances"), ("InstanceId.1", &found.id)]).await;
    for part in [
        "<httpTokens>required</httpTokens>",
        "<httpPutResponseHopLimit>1</httpPutResponseHopLimit>",
        "<instanceMetadataTags>enabled</instanceMetadataTags>",
    ] {
        assert!(raw.contains(part), "{part}: {raw}");
    }
}

#[tokio::test]
async fn the_configuration_waits_encrypted_and_is_nowhere_else() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    let secret = "a-secret-that-must-not-leak";
    one(&provider, order("ci-1", secret)).await.unwrap();
    let found = cloud.machine_of("ci-1").await;
    let waiting = cloud.client.parameters_below("/trunkline/ghci").await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(found.tag("trunkline:config"), Some(waiting[0].name.as_str()));
    let attribute = [
        ("Action", "DescribeInstanceAttribute"),
        ("Attribute", "userData"),
        ("InstanceId", found.id.as_str()),
    ];
    let user_data = cloud.call(&attribute).await;
    let encoded = user_data.split("<value>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let script = String::from_utf8(
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).unwrap(),
    )
    .unwrap();
    assert!(
        script.starts_with("#!/bin/sh") && !script.contains(secret) && !script.contains("ci-1"),
        "{script}"
    );
    assert!(!format!("{found:?} {waiting:?} {provider:?}").contains(secret));

    provider.terminate(&"ci-1".parse().unwrap()).await.unwrap();
    assert!(
        cloud.client.parameters_below("/trunkline/ghci").await.unwrap().is_empty(),
        "it goes with the machine"
    );
}

#[tokio::test]
async fn an_order_that_comes_again_with_another_configuration_gives_it_to_the_same_machine() {
    let cloud = new_cloud!();
    let first = one(&cloud.provider(cloud.config()), order("ci-1", "old")).await.unwrap();
    // The control plane was cut off, started again and registered the runner anew.
    let restarted = cloud.provider(cloud.config());
    let again = one(&restarted, order("ci-1", "new")).await.unwrap();
    assert_eq!(again.id, first.id);
    let path = cloud.machine_of("ci-1").await.tag("trunkline:config").unwrap().to_owned();
    assert_eq!(cloud.parameter(&path).await.expose_secret(), "new");
    let twice = restarted.launch(&[order("ci-2", "x"), order("ci-2", "x")]).await;
    assert_eq!(
        twice[0].as_ref().unwrap(),
        twice[1].as_ref().unwrap(),
        "one name is one machine, also in one call"
    );
    assert_eq!(restarted.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn machines_spread_over_zones() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    for i in 0..cloud.subnets.len() {
        one(&provider, order(&format!("ci-{i}"), &format!("s{i}"))).await.unwrap();
    }
    let zones: std::collections::BTreeSet<_> = cloud.everything().await.into_iter().map(|m| m.zone).collect();
    assert_eq!(zones.len(), cloud.subnets.len(), "each in the zone with the fewest");
    let mut only = order("ci-zone", "z");
    only.machine = MachineSpec { zones: vec![zones.first().unwrap().clone()], ..machine() };
    one(&provider, only).await.unwrap();
    assert_eq!(&cloud.machine_of("ci-zone").await.zone, zones.first().unwrap());
    let mut nowhere = order("ci-nowhere", "z");
    nowhere.machine = MachineSpec { zones: vec!["mars-1a".into()], ..machine() };
    let error = one(&provider, nowhere).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Config);
}

#[tokio::test]
async fn spot_machines_come_from_either_call() {
    let cloud = new_cloud!();
    for (api, name) in [(SpotApi::CreateFleet, "ci-fleet"), (SpotApi::RunInstances, "ci-run")] {
        let mut config = cloud.config();
        config.spot_api = api;
        let provider = cloud.provider(config);
        let mut order = order(name, name);
        order.machine = MachineSpec { capacity: Capacity::Spot { fallback: true }, ..machine() };
        let started = one(&provider, order.clone()).await.unwrap();
        let found = cloud.machine_of(name).await;
        assert_eq!(found.id, started.id);
        assert!(found.spot, "{name}: {found:?}");
        assert_eq!((found.tag("Environment"), found.tag("RunnerType")), (Some("ghci"), Some("linux.large")));
        assert_eq!(provider.list().await.unwrap().iter().filter(|m| m.name == order.name).count(), 1);
    }
    let templates = cloud
        .call(&[("Action", "DescribeLaunchTemplateVersions"), ("LaunchTemplateVersion.1", "$Latest")])
        .await;
    assert!(templates.contains("<httpTokens>required</httpTokens>"), "{templates}");
}

#[tokio::test]
async fn a_launch_template_of_the_operator_is_used() {
    let cloud = new_cloud!();
    let image =
        cloud.client.images_named(crate::cloud::IMAGE_NAME, "amazon", "x86_64").await.unwrap().remove(0);
    cloud
        .call(&[
            ("Action", "CreateLaunchTemplate"),
            ("LaunchTemplateName", "ghci-action-linux-runner"),
            ("LaunchTemplateData.ImageId", &image.id),
            ("LaunchTemplateData.MetadataOptions.HttpTokens", "required"),
            ("LaunchTemplateData.MetadataOptions.InstanceMetadataTags", "enabled"),
        ])
        .await;
    let mut config = cloud.config();
    config.images.clear();
    let template = TemplateRef { template: "ghci-action-linux-runner".into(), version: "$Latest".into() };
    config.templates.insert("linux-x64".into(), template.clone());
    one(&cloud.provider(config), order("ci-1", "s")).await.unwrap();
    assert_eq!(cloud.machine_of("ci-1").await.image, image.id);
    let version = cloud.client.template_version(&template).await.unwrap();
    assert!(version.metadata_tags && version.metadata_token && version.image == Some(image.id));
}

#[tokio::test]
async fn orders_that_cannot_work_say_so_and_leave_nothing() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    let machine_with = |image: Image| MachineSpec { image: Some(image), ..machine() };
    for (name, spec, class, part) in [
        (
            "no-image",
            machine_with(Image::Named(ami("nothing-like-this-*", None))),
            ErrorClass::Config,
            "no available x86_64 image of owner `amazon` has a name like `nothing-like-this-*`",
        ),
        (
            "no-id",
            machine_with(Image::Id("ami-0000000000000dead".into())),
            ErrorClass::Config,
            "InvalidAMIID.NotFound",
        ),
        (
            "no-type",
            MachineSpec { instance_types: vec!["z9.mega".into()], ..machine() },
            ErrorClass::Config,
            "z9.mega",
        ),
        (
            "no-windows",
            MachineSpec { os: Os::Windows, image: None, ..machine() },
            ErrorClass::Config,
            "there is neither an image nor a launch template for `windows-x64`",
        ),
    ] {
        let mut order = order(name, name);
        order.machine = spec;
        let error = one(&provider, order).await.unwrap_err();
        assert_eq!(error.class, class, "{name}: {error}");
        assert!(error.message.to_lowercase().contains(&part.to_lowercase()), "{name}: {error}");
    }
    let mut unknown = order("no-such-kind", "x");
    unknown.runner_type = "linux.unheard.of".into();
    let error = one(&provider, unknown).await.unwrap_err();
    assert!(error.message.contains("no instance type is known"), "{error}");
    let mut long = order("long", &"x".repeat(9000));
    long.machine = machine();
    let error = one(&provider, long).await.unwrap_err();
    assert!(error.message.contains("more than the 8192 that SSM keeps"), "{error}");
    assert!(cloud.everything().await.is_empty(), "nothing was started");
    assert!(cloud.client.parameters_below("/trunkline/ghci").await.unwrap().is_empty(), "no secret was left");
}

#[tokio::test]
async fn a_deleted_subnet_leaves_the_others() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    // The subnets are read at the first order.
    one(&provider, order("ci-0", "s")).await.unwrap();
    provider.terminate(&"ci-0".parse().unwrap()).await.unwrap();
    for subnet in &cloud.subnets[1..] {
        cloud.call(&[("Action", "DeleteSubnet"), ("SubnetId", subnet)]).await;
    }
    for i in 1..5 {
        one(&provider, order(&format!("ci-{i}"), &format!("s{i}"))).await.unwrap();
    }
    assert_eq!(provider.list().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_doctor_names_what_works_and_what_does_not() {
    let cloud = new_cloud!();
    let mut config = cloud.config();
    let broken = MachineSpec { image: Some(Image::Named(ami("nothing-*", None))), ..machine() };
    config.machines.insert("linux.broken".into(), broken);
    let found = cloud.provider(config.clone()).doctor().await;
    let shown: Vec<_> = found.iter().map(|f| (f.what.as_str(), f.answer.is_ok())).collect();
    assert_eq!(
        shown,
        [
            ("credentials", true),
            ("subnets", true),
            ("SSM parameters", true),
            ("image of `linux.broken`", false),
            ("image of `linux.large`", true),
            ("start of `linux.large`", true),
        ],
        "{found:?}"
    );
    assert!(cloud.everything().await.is_empty(), "a dry run starts nothing");
    let other = cloud.client_with(keys());
    assert!(other.identity().await.unwrap().arn.starts_with("arn:aws:"));
}
