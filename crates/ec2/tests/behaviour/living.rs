use crate::cloud::{self, order};
use jiff::SignedDuration;
use std::sync::Arc;
use trunkline_ec2::{
    Ec2Provider,
    api::instances::State,
    provider::{Reuse, SpareGoal},
};
use trunkline_fleet::provider::Provider;
use trunkline_model::ManualClock;

#[tokio::test]
async fn all_pages_are_listed_and_strangers_are_not() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    let names: Vec<String> = (0..7).map(|i| format!("ci-{i}")).collect();
    let orders: Vec<_> = names.iter().map(|name| order(name, name)).collect();
    for answer in provider.launch(&orders).await {
        answer.unwrap();
    }
    let mut other = cloud.config();
    other.environment = "other".into();
    let stranger = cloud.provider(other);
    stranger.launch(&[order("ci-0", "other")]).await.remove(0).unwrap();

    // A new control plane knows nothing but the tags.
    let restarted = cloud.provider(cloud.config());
    let listed: Vec<_> = restarted.list().await.unwrap().into_iter().map(|m| m.name.to_string()).collect();
    assert_eq!(listed, names);
    restarted.terminate(&"ci-0".parse().unwrap()).await.unwrap();
    assert_eq!(
        stranger.list().await.unwrap().len(),
        1,
        "the other fleet's runner of the same name is untouched"
    );
}

#[tokio::test]
async fn a_fleet_is_taken_over_and_pets_are_left_alone() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    // As the other autoscaler leaves them: no runner tag, the runner is named after the machine.
    let mut ids = vec![];
    for _ in 0..2 {
        let run = [
            ("Action", "RunInstances"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("ImageId", "ami-12c6146b"),
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "Application"),
            ("TagSpecification.1.Tag.1.Value", "github-action-runner"),
            ("TagSpecification.1.Tag.2.Key", "Environment"),
            ("TagSpecification.1.Tag.2.Value", "ghci"),
            ("TagSpecification.1.Tag.3.Key", "RunnerType"),
            ("TagSpecification.1.Tag.3.Value", "linux.large"),
        ];
        let answer = cloud.call(&run).await;
        ids.push(answer.split("<instanceId>").nth(1).unwrap().split('<').next().unwrap().to_owned());
    }
    provider.launch(&[order("ci-1", "x")]).await.remove(0).unwrap();
    let mut listed: Vec<_> = provider.list().await.unwrap().into_iter().map(|m| m.name.to_string()).collect();
    listed.sort();
    let mut expected = vec!["ci-1".to_owned(), ids[0].clone(), ids[1].clone()];
    expected.sort();
    assert_eq!(listed, expected);

    let pet = [("InstanceManagement".to_owned(), "pet".to_owned())].into();
    cloud.client.set_tags(&ids[1], &pet).await.unwrap();
    for id in &ids {
        provider.terminate(&id.parse().unwrap()).await.unwrap();
    }
    assert!(!cloud.client.instance(&ids[0]).await.unwrap().unwrap().state.is_there());
    assert!(cloud.client.instance(&ids[1]).await.unwrap().unwrap().state.is_there(), "a pet is never ended");
    assert_eq!(provider.list().await.unwrap().len(), 1, "and is no machine of the fleet's");
}

#[tokio::test]
async fn a_machine_goes_with_its_disks_even_when_the_flag_was_lost() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    provider.launch(&[order("ci-1", "x")]).await.remove(0).unwrap();
    let machine = cloud.machine_of("ci-1").await;
    cloud
        .call(&[
            ("Action", "ModifyInstanceAttribute"),
            ("InstanceId", &machine.id),
            ("BlockDeviceMapping.1.DeviceName", &machine.disks[0].device),
            ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "false"),
        ])
        .await;
    assert!(!cloud.machine_of("ci-1").await.disks[0].ends_with_machine, "the flag is lost");
    provider.terminate(&"ci-1".parse().unwrap()).await.unwrap();
    let left = cloud.client.volumes(&[]).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

/// A provider whose clock is ahead of the cloud's.
fn later(
    cloud: &cloud::Cloud,
    config: trunkline_ec2::Ec2Config,
    by: SignedDuration,
) -> (Ec2Provider, ManualClock) {
    let clock = ManualClock::new(cloud.clock.now() + by);
    (Ec2Provider::new(cloud.client.clone(), config, Arc::new(clock.clone())).unwrap(), clock)
}

#[tokio::test]
async fn upkeep_deletes_what_is_left_over_and_nothing_else() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    provider.launch(&[order("ci-1", "wanted")]).await.remove(0).unwrap();
    cloud.client.put_secret("/trunkline/ghci/ci-gone/0123", &"left".to_owned().into(), None).await.unwrap();
    cloud.client.put_secret("/trunkline/ghci2/ci-1/0123", &"other".to_owned().into(), None).await.unwrap();
    let zone = cloud.machine_of("ci-1").await.zone;
    for environment in ["ghci", "other"] {
        cloud
            .call(&[
                ("Action", "CreateVolume"),
                ("Size", "1"),
                ("AvailabilityZone", &zone),
                ("TagSpecification.1.ResourceType", "volume"),
                ("TagSpecification.1.Tag.1.Key", "Application"),
                ("TagSpecification.1.Tag.1.Value", "github-action-runner"),
                ("TagSpecification.1.Tag.2.Key", "Environment"),
                ("TagSpecification.1.Tag.2.Value", environment),
            ])
            .await;
    }
    assert_eq!(provider.maintain().await.unwrap(), Default::default(), "all of it is young");

    let (provider, clock) = later(&cloud, cloud.config(), SignedDuration::from_mins(20));
    let done = provider.maintain().await.unwrap();
    assert_eq!((done.secrets_deleted, done.disks_deleted, done.troubles.len()), (1, 1, 0), "{done:?}");
    let left = cloud.client.parameters_below("/trunkline").await.unwrap();
    let left: Vec<_> = left.into_iter().map(|p| p.name).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(cloud.client.volumes(&[]).await.unwrap().len(), 2, "the machine's and the other fleet's");

    clock.advance(SignedDuration::from_mins(20));
    assert_eq!(
        provider.maintain().await.unwrap().secrets_deleted,
        1,
        "nobody fetched it within half an hour"
    );
}

#[tokio::test]
async fn of_two_machines_of_a_name_the_older_stays() {
    let cloud = new_cloud!();
    let provider = cloud.provider(cloud.config());
    let first = provider.launch(&[order("ci-1", "x")]).await.remove(0).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    provider.launch(&[order("ci-2", "y")]).await.remove(0).unwrap();
    let second = cloud.machine_of("ci-2").await;
    let double = [("trunkline:runner".to_owned(), "ci-1".to_owned())].into();
    cloud.client.set_tags(&second.id, &double).await.unwrap();

    let restarted = cloud.provider(cloud.config());
    let listed = restarted.list().await.unwrap();
    assert_eq!(listed.iter().map(|m| &m.id).collect::<Vec<_>>(), [&first.id]);
    assert_eq!(restarted.maintain().await.unwrap().machines_ended, 1);
    assert!(!cloud.client.instance(&second.id).await.unwrap().unwrap().state.is_there());
}

#[tokio::test]
async fn spare_machines_are_kept_stopped_taken_and_replaced() {
    let cloud = new_cloud!();
    let mut config = cloud.config();
    config.spares.push(SpareGoal { runner_type: "linux.large".into(), running: 1, stopped: 1 });
    let (provider, clock) = later(&cloud, config.clone(), SignedDuration::ZERO);
    let done = provider.maintain().await.unwrap();
    assert_eq!((done.spares_prepared, done.troubles.len()), (2, 0), "{done:?}");
    assert!(provider.list().await.unwrap().is_empty(), "a spare machine is nobody's");
    clock.advance(SignedDuration::from_mins(5));
    assert_eq!(provider.maintain().await.unwrap().spares_prepared, 1, "one has booted and is stopped");
    let states = |machines: Vec<trunkline_ec2::api::instances::Instance>| {
        let mut states: Vec<_> = machines.into_iter().map(|m| m.state.as_str()).collect();
        states.sort_unstable();
        states
    };
    assert_eq!(states(cloud.everything().await), ["running", "stopped"]);
    assert_eq!(provider.maintain().await.unwrap().spares_prepared, 0, "all is as wanted");

    // Taken: the running one first, then the stopped one, then a new one.
    let before: Vec<_> = cloud.everything().await.into_iter().map(|m| m.id).collect();
    for (name, spare) in [("ci-1", true), ("ci-2", true), ("ci-3", false)] {
        let machine = provider.launch(&[order(name, name)]).await.remove(0).unwrap();
        assert_eq!(before.contains(&machine.id), spare, "{name}");
        let found = cloud.machine_of(name).await;
        assert_eq!((found.state, found.tag("trunkline:spare")), (State::Running, None), "{name}");
        assert!(found.tag("trunkline:config").unwrap().starts_with(&format!("/trunkline/ghci/{name}/")));
    }
    assert_eq!(provider.list().await.unwrap().len(), 3);
    assert_eq!(provider.maintain().await.unwrap().spares_prepared, 2, "their number is kept");

    // A fleet without spares ends them.
    config.spares.clear();
    let (provider, _) = later(&cloud, config, SignedDuration::ZERO);
    assert_eq!(provider.maintain().await.unwrap().machines_ended, 2);
    assert_eq!(provider.list().await.unwrap().len(), 3, "runners' machines are no spare ones");
}

#[tokio::test]
async fn a_machine_that_cannot_be_recycled_is_ended() {
    // moto does not know CreateReplaceRootVolumeTask: exactly what an old region or a missing permission does.
    let cloud = new_cloud!();
    let mut config = cloud.config();
    let minutes = SignedDuration::from_mins;
    config.reuse = Some(Reuse { keep: minutes(30), max_age: minutes(600), max_spares: 5 });
    let provider = cloud.provider(config);
    provider.launch(&[order("ci-1", "x")]).await.remove(0).unwrap();
    let machine = cloud.machine_of("ci-1").await;
    // It fetched its configuration.
    cloud.client.delete_parameters(&[machine.tag("trunkline:config").unwrap().to_owned()]).await.unwrap();
    provider.terminate(&"ci-1".parse().unwrap()).await.unwrap();
    assert!(!cloud.client.instance(&machine.id).await.unwrap().unwrap().state.is_there());
    assert!(provider.list().await.unwrap().is_empty());
}
