use super::*;
use proptest::prelude::*;
use trunkline_model::{Runner, RunnerId};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn entry(state: RunnerState) -> Entry {
    Entry::planned(Runner {
        name: "t-1".parse().unwrap(),
        runner_type: "a".into(),
        labels: vec![],
        repo: None,
        provider: "fake".into(),
        machine_id: None,
        runner_id: Some(RunnerId(1)),
        state,
        job: None,
        planned_at: at(0),
        launched_at: None,
        online_at: None,
        busy_at: None,
        finished_at: None,
        reason: String::new(),
    })
}

fn registered(online: bool, busy: bool) -> Registered {
    Registered { id: RunnerId(1), name: "t-1".into(), online, busy }
}

fn look<'a>(registration: Answer<&'a Registered>, machine: Answer<&'a Machine>, second: i64) -> Look<'a> {
    Look { registration, machine, at: at(second), launch_grace: SignedDuration::from_secs(120) }
}

#[test]
fn github_moves_a_runner_forward_only() {
    let machine = Machine { id: "m".into(), name: "t-1".parse().unwrap(), started_at: None };
    let mut entry = entry(RunnerState::Booting);
    let (idle, busy) = (registered(true, false), registered(true, true));
    assert!(looked(&mut entry, look(Answer::Present(&idle), Answer::Present(&machine), 10)));
    assert_eq!(entry.runner.state, RunnerState::Idle);
    assert!(looked(&mut entry, look(Answer::Present(&busy), Answer::Present(&machine), 20)));
    assert!(looked(&mut entry, look(Answer::Present(&idle), Answer::Present(&machine), 30)));
    assert_eq!(entry.runner.state, RunnerState::Busy);
    assert!(looked(&mut entry, look(Answer::Absent, Answer::Present(&machine), 40)));
    assert_eq!(entry.runner.state, RunnerState::Finished);
    assert!(looked(&mut entry, look(Answer::Absent, Answer::Absent, 50)));
    assert_eq!(entry.runner.state, RunnerState::Gone);
    assert!(!looked(&mut entry, look(Answer::Absent, Answer::Absent, 60)));
}

#[test]
fn a_launch_under_way_is_not_gone() {
    let mut entry = entry(RunnerState::Planned);
    looked(&mut entry, look(Answer::Absent, Answer::Absent, 60));
    assert_eq!(entry.runner.state, RunnerState::Planned);
    looked(&mut entry, look(Answer::Absent, Answer::Absent, 121));
    assert_eq!(entry.runner.state, RunnerState::Gone);
}

proptest! {
    /// Nothing is declared gone or finished while one side did not answer.
    #[test]
    fn unknown_never_ends_a_runner(start in 0usize..4, sides in 0u8..3, second in 0i64..10_000) {
        let states = [RunnerState::Planned, RunnerState::Booting, RunnerState::Idle, RunnerState::Busy];
        let mut entry = entry(states[start]);
        let (registration, machine) = match sides {
            0 => (Answer::Unknown, Answer::Absent),
            1 => (Answer::Absent, Answer::Unknown),
            _ => (Answer::Unknown, Answer::Unknown),
        };
        looked(&mut entry, look(registration, machine, second));
        prop_assert_eq!(entry.runner.state, states[start]);
    }
}
