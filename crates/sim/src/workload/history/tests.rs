use super::*;
use trunkline_model::JobStatus;

#[test]
fn a_past_ends_before_the_present_and_is_complete() {
    let until: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let config = WorkloadConfig::demo();
    let (generator, history) = live_through(&config, 30, until, FirstIds::default());
    let trunk = history.pushes.iter().filter(|push| push.git_ref == "refs/heads/main").count();
    assert_eq!(trunk, 30);
    assert!(history.ends_at.unwrap() <= until);
    assert!(history.jobs.len() > 2_000, "{}", history.jobs.len());
    for job in &history.jobs {
        assert_eq!(job.status, JobStatus::Completed);
        assert!(job.conclusion.is_some());
        let (started, completed) = (job.started_at.unwrap(), job.completed_at.unwrap());
        assert!(job.created_at <= started && started <= completed, "{job:?}");
        assert!(job.steps.windows(2).all(|pair| pair[0].completed_at <= pair[1].started_at));
    }
    assert!(history.runs.iter().all(|run| run.status == "completed"));
    assert!(generator.next_due().is_none());
    let red = history.jobs.iter().filter(|job| job.conclusion.is_some_and(Conclusion::is_failure)).count();
    assert!(
        red * 200 > history.jobs.len() && red * 10 < history.jobs.len(),
        "{red} of {}",
        history.jobs.len()
    );
}

#[test]
fn the_generator_goes_on_where_the_past_ended() {
    let until: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let (mut generator, history) = live_through(&WorkloadConfig::tiny(), 3, until, FirstIds::default());
    let tip = history.pushes.iter().rfind(|push| push.git_ref == "refs/heads/main").unwrap().after.clone();
    assert_eq!(*generator.tip(), tip);
    generator.resume(until);
    assert_eq!(generator.next_due(), Some(until));
}

#[test]
fn nothing_happened_before_the_first_commit() {
    let (generator, history) =
        live_through(&WorkloadConfig::tiny(), 0, Timestamp::UNIX_EPOCH, FirstIds::default());
    assert!(history.pushes.is_empty() && generator.is_quiet() && generator.next_due().is_none());
}
