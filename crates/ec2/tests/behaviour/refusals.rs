//! Every way Amazon says no, or nothing: its class, its words, and what is left behind.

use crate::{
    amazon::{Amazon, Say, listed, machine, started},
    cloud::order,
};
use jiff::SignedDuration;
use std::collections::BTreeSet;
use trunkline_fleet::provider::{Capacity, Error, ErrorClass, Machine, MachineSpec, Provider};

async fn launch(provider: &dyn Provider, name: &str) -> Result<Machine, Error> {
    provider.launch(&[order(name, name)]).await.remove(0)
}

#[tokio::test]
async fn every_refusal_of_a_machine_has_its_class_and_leaves_no_secret() {
    for (say, class, calls, part) in [
        (
            Say::No(400, "UnauthorizedOperation", "You are not authorized to perform this operation."),
            ErrorClass::Auth,
            1,
            "(allow this action in the control plane's policy)",
        ),
        (
            Say::No(401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
            ErrorClass::Auth,
            1,
            "(check the access key",
        ),
        (
            Say::No(400, "InvalidAMIID.NotFound", "The image id '[ami-1]' does not exist"),
            ErrorClass::Config,
            1,
            "The image id '[ami-1]' does not exist",
        ),
        (
            Say::No(400, "InvalidParameterValue", "Invalid value 'x' for InstanceType."),
            ErrorClass::Config,
            1,
            "InstanceType",
        ),
        (
            Say::No(
                400,
                "VcpuLimitExceeded",
                "You have requested more vCPU capacity than your current limit",
            ),
            ErrorClass::Quota,
            2,
            "2 × VcpuLimitExceeded",
        ),
        (Say::No(400, "VolumeLimitExceeded", "volumes"), ErrorClass::Quota, 1, "VolumeLimitExceeded"),
        (
            Say::No(500, "InsufficientInstanceCapacity", "We currently do not have sufficient capacity"),
            ErrorClass::Capacity,
            4,
            "refused at 4 places (4 × InsufficientInstanceCapacity)",
        ),
        (
            Say::No(400, "Unsupported", "not supported in your requested Availability Zone"),
            ErrorClass::Capacity,
            4,
            "Unsupported",
        ),
        (
            Say::No(503, "RequestLimitExceeded", "Request limit exceeded."),
            ErrorClass::Throttle,
            3,
            "RequestLimitExceeded",
        ),
        (Say::Raw(403, "<html>no</html>"), ErrorClass::Auth, 1, "is this address Amazon's?"),
    ] {
        let amazon = Amazon::new().await;
        amazon.always("RunInstances", say);
        let provider = amazon.provider(amazon.config());
        let error = launch(&provider, "ci-1").await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(part), "{part}: {error}");
        assert!(error.message.contains("`linux.large`"), "{error}");
        assert_eq!(amazon.calls("RunInstances").len(), calls, "{error}");
        assert_eq!(amazon.calls("DeleteParameters").len(), 1, "{error}");
        assert!(provider.list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn without_an_answer_the_same_order_is_repeated_and_never_another_one() {
    for (say, calls) in [
        (Say::No(500, "InternalError", "An internal error has occurred"), 6),
        (Say::Raw(502, "<html>"), 6),
        // Somebody answered, who is not Amazon: asking again at once does not help.
        (Say::Raw(200, "<html>"), 2),
    ] {
        let amazon = Amazon::new().await;
        amazon.always("RunInstances", say);
        let provider = amazon.provider(amazon.config());
        let error = launch(&provider, "ci-1").await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient, "{error}");
        assert!(amazon.calls("DeleteParameters").is_empty(), "it may have been started and want its secret");
        launch(&provider, "ci-1").await.unwrap_err();
        let orders: BTreeSet<String> =
            amazon.calls("RunInstances").into_iter().map(|call| format!("{:?}", call.params)).collect();
        assert_eq!(orders.len(), 1, "one token, one place, one content");
        assert_eq!(amazon.calls("RunInstances").len(), calls);
    }
    let amazon = Amazon::new().await;
    amazon.next("RunInstances", [Say::No(503, "Unavailable", "again"), started("i-1")]);
    assert_eq!(launch(&amazon.provider(amazon.config()), "ci-1").await.unwrap().id, "i-1");
}

#[tokio::test]
async fn a_cloud_that_hangs_is_transient_within_the_time_for_a_call() {
    let amazon = Amazon::new().await;
    amazon.always("RunInstances", Say::Hang);
    let provider = amazon.provider(amazon.config());
    let begin = std::time::Instant::now();
    let error = launch(&provider, "ci-1").await.unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        (ErrorClass::Transient, "`linux.large`: RunInstances has no answer: nothing within 0.8 s")
    );
    amazon.always("DescribeInstances", Say::Hang);
    assert_eq!(provider.list().await.unwrap_err().class, ErrorClass::Transient);
    assert_eq!(provider.terminate(&"ci-1".parse().unwrap()).await.unwrap_err().class, ErrorClass::Transient);
    assert!(begin.elapsed().as_secs() < 10);
}

#[tokio::test]
async fn no_capacity_moves_on_and_is_remembered_for_a_while() {
    let amazon = Amazon::new().await;
    let none = Say::No(500, "InsufficientInstanceCapacity", "none");
    amazon.next("RunInstances", [none.clone(), none.clone(), none.clone(), started("i-1")]);
    let provider = amazon.provider(amazon.config());
    launch(&provider, "ci-1").await.unwrap();
    let tried: Vec<_> =
        amazon.calls("RunInstances").iter().map(|call| call.params["InstanceType"].clone()).collect();
    assert_eq!(tried, ["m5.large", "m5.large", "c5.large", "c5.large"]);
    let tokens: BTreeSet<_> =
        amazon.calls("RunInstances").iter().map(|call| call.params["ClientToken"].clone()).collect();
    assert_eq!(tokens.len(), 4, "each place has its own token");

    amazon.forget_calls();
    amazon.always("RunInstances", none);
    launch(&provider, "ci-2").await.unwrap_err();
    assert_eq!(amazon.calls("RunInstances").len(), 1, "only the place that had one is asked");
    let error = launch(&provider, "ci-3").await.unwrap_err();
    assert_eq!(amazon.calls("RunInstances").len(), 1);
    assert!(
        error.class == ErrorClass::Capacity && error.message.contains("are left alone for a while"),
        "{error}"
    );
    amazon.clock.advance(SignedDuration::from_secs(61));
    launch(&provider, "ci-4").await.unwrap_err();
    assert_eq!(amazon.calls("RunInstances").len(), 5);
}

#[tokio::test]
async fn spot_falls_back_to_on_demand_only_when_allowed() {
    let no_spot = "<fleetId>fleet-1</fleetId><errorSet><item><errorCode>InsufficientInstanceCapacity</errorCode>\
        <errorMessage>no spot</errorMessage></item><item><errorCode>MaxSpotInstanceCountExceeded</errorCode>\
        <errorMessage>Max spot instance count exceeded</errorMessage></item></errorSet><fleetInstanceSet/>";
    for fallback in [true, false] {
        let amazon = Amazon::new().await;
        amazon.always("CreateFleet", Say::Answer(no_spot.into()));
        amazon.always("RunInstances", started("i-1"));
        let mut order = order("ci-1", "x");
        order.machine = MachineSpec { capacity: Capacity::Spot { fallback }, ..crate::cloud::machine() };
        let answer = amazon.provider(amazon.config()).launch(&[order]).await.remove(0);
        if fallback {
            assert_eq!(answer.unwrap().id, "i-1");
            assert!(!amazon.calls("RunInstances")[0].params.contains_key("InstanceMarketOptions.MarketType"));
        } else {
            let error = answer.unwrap_err();
            assert_eq!(error.class, ErrorClass::Capacity, "{error}");
            assert!(error.message.contains("1 × MaxSpotInstanceCountExceeded"), "{error}");
            assert!(amazon.calls("RunInstances").is_empty());
        }
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_written_starts_no_machine() {
    for (say, class, part) in [
        (
            Say::No(400, "AccessDeniedException", "not authorized to perform: ssm:PutParameter"),
            ErrorClass::Auth,
            "ssm:PutParameter",
        ),
        (Say::No(400, "ParameterLimitExceeded", "too many"), ErrorClass::Quota, "ParameterLimitExceeded"),
        (Say::No(400, "ThrottlingException", "Rate exceeded"), ErrorClass::Throttle, "Rate exceeded"),
        (Say::No(500, "InternalServerError", "broken"), ErrorClass::Transient, "broken"),
    ] {
        let amazon = Amazon::new().await;
        amazon.always("PutParameter", say);
        let error = launch(&amazon.provider(amazon.config()), "ci-1").await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(part), "{error}");
        assert!(amazon.calls("RunInstances").is_empty());
    }
}

#[tokio::test]
async fn a_list_is_complete_or_an_error() {
    let amazon = Amazon::new().await;
    let of = |i: usize| {
        machine(
            &format!("i-{i}"),
            "running",
            "2026-01-01T11:00:00Z",
            &[("trunkline:runner", &format!("ci-{i}"))],
            "",
        )
    };
    let provider = amazon.provider(amazon.config());
    amazon.next(
        "DescribeInstances",
        [listed(&[of(0), of(1)], Some("two")), listed(&[], Some("three")), listed(&[of(2)], None)],
    );
    assert_eq!(provider.list().await.unwrap().len(), 3, "an empty page is not the last one");
    let tokens: Vec<_> =
        amazon.calls("DescribeInstances").into_iter().map(|c| c.params.get("NextToken").cloned()).collect();
    assert_eq!(tokens, [None, Some("two".into()), Some("three".into())]);

    let broken = Say::No(500, "InternalError", "page two");
    amazon.next("DescribeInstances", [listed(&[of(0)], Some("two")), broken.clone(), broken.clone(), broken]);
    assert_eq!(provider.list().await.unwrap_err().class, ErrorClass::Transient);
    amazon.next("DescribeInstances", [listed(&[of(0)], Some("two")), listed(&[of(1)], Some("two"))]);
    assert!(provider.list().await.unwrap_err().message.contains("a page leads to itself"));
    amazon.next("DescribeInstances", [Say::Raw(200, "<html>a proxy's page</html>")]);
    assert!(provider.list().await.unwrap_err().message.contains("lacks what it must have"));
    amazon.next("DescribeInstances", [Say::No(403, "UnauthorizedOperation", "no")]);
    assert_eq!(provider.list().await.unwrap_err().class, ErrorClass::Auth);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let mut amazon = Amazon::new().await;
    amazon.budget = std::time::Duration::from_secs(60);
    amazon.always("DescribeInstances", Say::Answer("x".repeat(33 << 20)));
    let error = amazon.provider(amazon.config()).list().await.unwrap_err();
    assert!(error.message.contains("exceeds 32 MB"), "{error}");
}

#[tokio::test]
async fn a_machine_that_is_not_listed_yet_is_not_gone() {
    let amazon = Amazon::new().await;
    amazon.always("RunInstances", started("i-1"));
    let provider = amazon.provider(amazon.config());
    launch(&provider, "ci-1").await.unwrap();
    assert_eq!(provider.list().await.unwrap()[0].id, "i-1");
    let name = "ci-1".parse().unwrap();
    amazon
        .next("DescribeInstances", [listed(&[], None), Say::No(400, "InvalidInstanceID.NotFound", "no i-1")]);
    let error = provider.terminate(&name).await.unwrap_err();
    assert!(error.class == ErrorClass::Transient && error.message.contains("is not known yet"), "{error}");
    let known = machine("i-1", "running", "2026-01-01T12:00:00Z", &[("trunkline:runner", "ci-1")], "");
    amazon.next("DescribeInstances", [listed(&[], None), listed(std::slice::from_ref(&known), None)]);
    provider.terminate(&name).await.unwrap();
    assert_eq!(amazon.calls("TerminateInstances")[0].params["InstanceId.1"], "i-1");
    // The list lags: it still shows what we ended.
    amazon.always("DescribeInstances", listed(&[known], None));
    assert!(provider.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_order_from_before_a_crash_meets_its_machine() {
    let amazon = Amazon::new().await;
    amazon.always(
        "RunInstances",
        Say::No(400, "IdempotentParameterMismatch", "The client token was used with other parameters"),
    );
    let provider = amazon.provider(amazon.config());
    let error = launch(&provider, "ci-1").await.unwrap_err();
    assert!(error.class == ErrorClass::Transient && error.message.contains("not listed yet"), "{error}");
    let tags = [("trunkline:runner", "ci-1"), ("trunkline:config", "/trunkline/ghci/ci-1/old")];
    let known = machine("i-9", "pending", "2026-01-01T12:00:00Z", &tags, "");
    amazon.next("DescribeInstances", [listed(&[], None), listed(&[known], None)]);
    amazon.forget_calls();
    assert_eq!(launch(&provider, "ci-1").await.unwrap().id, "i-9");
    let put: Vec<_> =
        amazon.calls("PutParameter").into_iter().map(|call| call.params["Name"].clone()).collect();
    assert_eq!(
        put.last().unwrap(),
        "\"/trunkline/ghci/ci-1/old\"",
        "the configuration goes where the machine looks"
    );

    // A tag that somebody changed does not lead a secret astray.
    let tags = [("trunkline:runner", "ci-1"), ("trunkline:config", "/somewhere/else")];
    let known = machine("i-9", "running", "2026-01-01T12:00:00Z", &tags, "");
    amazon.always("DescribeInstances", listed(&[known], None));
    amazon.forget_calls();
    let error = launch(&provider, "ci-1").await.unwrap_err();
    assert!(error.class == ErrorClass::Config && error.message.contains("names a path of others"), "{error}");
    assert!(amazon.calls("PutParameter").is_empty());
}

#[tokio::test]
async fn an_expired_session_is_renewed_once() {
    let amazon = Amazon::new().await;
    let expired = Say::No(400, "ExpiredToken", "The security token included in the request is expired");
    amazon.next("DescribeInstances", [expired.clone()]);
    let provider = amazon.provider(amazon.config());
    provider.list().await.unwrap();
    assert_eq!(amazon.calls("DescribeInstances").len(), 2);
    amazon.always("DescribeInstances", expired);
    let error = provider.list().await.unwrap_err();
    assert!(error.class == ErrorClass::Auth && error.message.contains("renew the credentials"), "{error}");
    assert_eq!(amazon.calls("DescribeInstances").len(), 4);
}
