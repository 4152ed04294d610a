//! Used machines, and what Amazon does to machines by itself.

use crate::{
    amazon::{Amazon, Say, listed, machine},
    cloud::order,
};
use jiff::SignedDuration;
use trunkline_ec2::{Ec2Config, provider::Reuse};
use trunkline_fleet::provider::{NoticeKind, Provider};

fn reusing(amazon: &Amazon) -> Ec2Config {
    let minutes = SignedDuration::from_mins;
    let mut config = amazon.config();
    config.reuse = Some(Reuse { keep: minutes(30), max_age: minutes(600), max_spares: 2 });
    config
}

const RUNNER: [(&str, &str); 3] =
    [("trunkline:runner", "ci-1"), ("trunkline:config", "/trunkline/ghci/ci-1/0"), ("GithubRunnerID", "42")];

#[tokio::test]
async fn a_used_machine_gets_a_clean_disk_and_serves_again() {
    let amazon = Amazon::new().await;
    let provider = amazon.provider(reusing(&amazon));
    amazon.always(
        "DescribeInstances",
        listed(&[machine("i-1", "running", &amazon.ago(30), &RUNNER, "")], None),
    );
    provider.terminate(&"ci-1".parse().unwrap()).await.unwrap();
    assert_eq!(amazon.changes(), ["CreateTags", "CreateReplaceRootVolumeTask", "DeleteTags"]);
    let set = &amazon.calls("CreateTags")[0].params;
    let tags: Vec<_> =
        set.iter().filter(|(name, _)| name.ends_with(".Key")).map(|(_, key)| key.as_str()).collect();
    for key in ["EphemeralRunnerFinished", "EBSVolumeReplacementRequestTm", "trunkline:spare"] {
        assert!(tags.contains(&key), "{tags:?}");
    }
    assert_eq!(amazon.calls("CreateReplaceRootVolumeTask")[0].params["DeleteReplacedRootVolume"], "true");
    let removed = &amazon.calls("DeleteTags")[0].params;
    assert!(
        removed.values().any(|key| key == "GithubRunnerID")
            && removed.values().any(|key| key == "trunkline:runner")
    );

    // While the disk is replaced nobody gets it: what the last job left might still run.
    let since = amazon.ago(1);
    let spare = |kind| machine("i-1", "running", &since, &[("trunkline:spare", kind)], "");
    let task = |state: &str| {
        Say::Answer(format!(
            "<replaceRootVolumeTaskSet><item><taskState>{state}</taskState></item></replaceRootVolumeTaskSet>"
        ))
    };
    amazon.always("DescribeInstances", listed(&[spare("refreshing")], None));
    assert!(provider.list().await.unwrap().is_empty());
    amazon.forget_calls();
    amazon.next("DescribeReplaceRootVolumeTasks", [task("in-progress"), task("succeeded")]);
    for (round, prepared) in [(1, 0), (2, 1)] {
        let done = provider.maintain().await.unwrap();
        assert_eq!(
            (done.spares_prepared, done.machines_ended, &done.troubles),
            (prepared, 0, &vec![]),
            "round {round}"
        );
    }
    assert_eq!(amazon.calls("CreateTags")[0].params["Tag.1.Value"], "ready");

    amazon.always("DescribeInstances", listed(&[spare("ready")], None));
    amazon.next("DescribeInstances", [listed(&[], None)]);
    let taken = provider.launch(&[order("ci-2", "x")]).await.remove(0).unwrap();
    assert_eq!(taken.id, "i-1");
    assert!(amazon.calls("RunInstances").is_empty());
}

#[tokio::test]
async fn a_machine_that_may_not_serve_again_is_ended() {
    let old = [("ApplicationDeployDatetime", "20250101000000")];
    let with = |more: &[(&'static str, &'static str)]| [RUNNER.as_slice(), more].concat();
    for (why, state, age, tags, more) in [
        ("too old", "running", 700, with(&[]), ""),
        ("another deployment", "running", 30, with(&old), ""),
        ("spot", "running", 30, with(&[]), "<instanceLifecycle>spot</instanceLifecycle>"),
        ("never ran", "pending", 1, with(&[]), ""),
    ] {
        let amazon = Amazon::new().await;
        let found = machine("i-1", state, &amazon.ago(age), &tags, more);
        amazon.always("DescribeInstances", listed(&[found], None));
        amazon.provider(reusing(&amazon)).terminate(&"ci-1".parse().unwrap()).await.unwrap();
        assert_eq!(amazon.changes(), ["TerminateInstances", "DeleteParameters"], "{why}");
    }
    // Its configuration still waits: it never came up.
    let amazon = Amazon::new().await;
    amazon.always(
        "DescribeInstances",
        listed(&[machine("i-1", "running", &amazon.ago(30), &RUNNER, "")], None),
    );
    amazon.always(
        "DescribeParameters",
        Say::Answer(r#"{"Parameters":[{"Name":"/trunkline/ghci/ci-1/0"}]}"#.into()),
    );
    amazon.provider(reusing(&amazon)).terminate(&"ci-1".parse().unwrap()).await.unwrap();
    assert_eq!(amazon.changes(), ["TerminateInstances", "DeleteParameters"]);
}

#[tokio::test]
async fn a_disk_that_cannot_be_replaced_ends_the_machine() {
    let amazon = Amazon::new().await;
    let provider = amazon.provider(reusing(&amazon));
    let since = amazon.ago(1);
    let spare = machine("i-1", "running", &since, &[("trunkline:spare", "refreshing")], "");
    amazon.always("DescribeInstances", listed(&[spare], None));
    let failed =
        "<replaceRootVolumeTaskSet><item><taskState>failed</taskState></item></replaceRootVolumeTaskSet>";
    amazon.always("DescribeReplaceRootVolumeTasks", Say::Answer(failed.into()));
    assert_eq!(provider.maintain().await.unwrap().machines_ended, 1);
    assert_eq!(amazon.calls("TerminateInstances")[0].params["InstanceId.1"], "i-1");

    // One that nobody wanted for its time goes too.
    let amazon = Amazon::new().await;
    let spare = machine("i-2", "running", &amazon.ago(31), &[("trunkline:spare", "ready")], "");
    amazon.always("DescribeInstances", listed(&[spare], None));
    assert_eq!(amazon.provider(reusing(&amazon)).maintain().await.unwrap().machines_ended, 1);
}

#[tokio::test]
async fn interruptions_retirements_and_unasked_ends_are_told() {
    let amazon = Amazon::new().await;
    let runner = |id: &str, state: &str, more: &str| {
        machine(id, state, "2026-01-01T11:00:00Z", &[("trunkline:runner", &format!("ci-{id}"))], more)
    };
    let reason = |text: &str| format!("<stateReason><code>c</code><message>{text}</message></stateReason>");
    let machines = [
        runner("i-spot", "running", ""),
        runner("i-old", "running", ""),
        runner("i-fine", "running", ""),
        runner("i-taken", "terminated", &reason("Server.SpotInstanceTermination: Spot instance termination")),
        runner("i-broken", "terminated", &reason("Client.InternalError: Client error on launch")),
        runner(
            "i-done",
            "terminated",
            &reason("Client.InstanceInitiatedShutdown: Instance initiated shutdown"),
        ),
        runner("i-asked", "shutting-down", &reason("Client.UserInitiatedShutdown: User initiated shutdown")),
    ];
    amazon.always("DescribeInstances", listed(&machines, None));
    let spot = |id: &str, code: &str| {
        format!(
            "<item><instanceId>{id}</instanceId><status><code>{code}</code><message>soon</message></status></item>"
        )
    };
    amazon.always(
        "DescribeSpotInstanceRequests",
        Say::Answer(format!(
            "<spotInstanceRequestSet>{}{}{}</spotInstanceRequestSet>",
            spot("i-spot", "marked-for-termination"),
            spot("i-fine", "fulfilled"),
            spot("i-stranger", "marked-for-termination")
        )),
    );
    let event = |id: &str, text: &str| {
        format!(
            "<item><instanceId>{id}</instanceId><eventsSet><item><code>instance-retirement</code>\
                 <description>{text}</description></item></eventsSet></item>"
        )
    };
    amazon.always(
        "DescribeInstanceStatus",
        Say::Answer(format!(
            "<instanceStatusSet>{}{}</instanceStatusSet>",
            event("i-old", "The instance is running on degraded hardware"),
            event("i-fine", "[Completed] The instance is running on degraded hardware")
        )),
    );
    let mut told: Vec<_> = amazon
        .provider(amazon.config())
        .notices()
        .await
        .unwrap()
        .into_iter()
        .map(|notice| (notice.name.unwrap().to_string(), notice.kind, notice.reason))
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("ci-i-broken", NoticeKind::Ended, "Client.InternalError: Client error on launch"),
        (
            "ci-i-old",
            NoticeKind::Maintenance,
            "instance-retirement: The instance is running on degraded hardware",
        ),
        ("ci-i-spot", NoticeKind::Interruption, "marked-for-termination: soon"),
        ("ci-i-taken", NoticeKind::Ended, "Server.SpotInstanceTermination: Spot instance termination"),
    ];
    assert_eq!(told, expected.map(|(name, kind, reason)| (name.to_owned(), kind, reason.to_owned())));
}
