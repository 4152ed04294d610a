use super::*;
use crate::workload::stage::{NewJob, NewRun, Stage as _};
use crate::workload::{Kind, Work};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn labels(names: &[&str]) -> Vec<Label> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn world_with_jobs(count: usize) -> (FakeGitHub, Vec<JobId>) {
    let mut world = FakeGitHub::new("acme/lib".parse().unwrap(), at(0));
    let run = world.start_run(NewRun {
        workflow: "pull".into(),
        event: "push".into(),
        branch: "main".parse().unwrap(),
        sha: "a".repeat(40).parse().unwrap(),
        pull: None,
        actor: "ann".into(),
    });
    let job = |n: usize| NewJob {
        name: format!("build {n}"),
        labels: labels(&["Linux.Large"]),
        work: Work::success(Kind::Test, SignedDuration::from_secs(60), 0),
    };
    let ids = (0..count).map(|n| world.queue_job(run, job(n))).collect();
    (world, ids)
}

#[test]
fn a_runner_takes_one_job_and_is_gone_with_it() {
    let (mut world, jobs) = world_with_jobs(2);
    world.register("r1", labels(&["linux.large"]), "s1".into()).unwrap();
    assert_eq!(world.register("R1", vec![], "x".into()), Err(Refusal::NameTaken));
    assert_eq!(world.runner_news("s1"), RunnerNews::Wait);
    assert_eq!(world.runner_news("s1"), RunnerNews::Work(jobs[0], at(60)), "the oldest job first");
    let id = world.runners().next().unwrap().id;
    assert_eq!(world.remove(id), Err(Refusal::Busy));
    world.advance(at(60));
    assert_eq!(world.conclusion(jobs[0]), Some(Conclusion::Success));
    assert_eq!(world.conclusion(jobs[1]), None, "single use");
    assert_eq!(world.runner_news("s1"), RunnerNews::Gone);
    assert_eq!(world.runners().count(), 0);
}

#[test]
fn a_runner_without_the_label_gets_nothing() {
    let (mut world, jobs) = world_with_jobs(1);
    world.register("r1", labels(&["linux.small"]), "s1".into()).unwrap();
    world.runner_news("s1");
    world.advance(at(100));
    assert_eq!(world.runner_news("s1"), RunnerNews::Wait);
    assert_eq!(world.job(jobs[0]).unwrap().status, JobStatus::Queued);
}

#[test]
fn what_it_sends_is_what_the_product_reads() {
    let (mut world, jobs) = world_with_jobs(1);
    world.register("r1", labels(&["linux.large"]), "s1".into()).unwrap();
    world.runner_news("s1");
    world.advance(at(60));
    let mut last = None;
    for webhook in world.take_webhooks() {
        let body = serde_json::to_vec(&webhook.payload).unwrap();
        let read = trunkline_github::webhook::parse(webhook.event, &body, at(0)).unwrap();
        if let trunkline_github::webhook::Event::WorkflowJob(job) = read.event {
            last = Some(job);
        }
    }
    assert_eq!(
        last.as_ref(),
        world
            .job(jobs[0])
            .map(|job| Job {
                runner_group_id: Some(1),
                runner_group_name: Some("Default".into()),
                ..job.clone()
            })
            .as_ref()
    );
}
