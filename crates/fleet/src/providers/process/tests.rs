use super::*;
use crate::provider::contract;
use secrecy::SecretString;

/// A runner that stays, with a child of its own, and notes what it was given.
const SCRIPT: &str =
    "printf '%s' \"$ACTIONS_RUNNER_INPUT_JITCONFIG\" > jit; env > env; sleep 600 & echo $! > child; wait";

fn provider(folder: &Path, command: &str, max_runners: u32) -> ProcessProvider {
    ProcessProvider::new(ProcessConfig {
        command: ["/bin/sh", "-c", command].map(String::from).to_vec(),
        folder: folder.to_owned(),
        max_runners,
        pass_environment: vec![],
    })
    .unwrap()
}

fn order(name: &str) -> LaunchSpec {
    LaunchSpec {
        name: name.parse().unwrap(),
        runner_type: "linux.large".into(),
        labels: vec![],
        jit_config: SecretString::from("very-secret".to_owned()),
        runner_id: None,
        machine: crate::provider::MachineSpec::default(),
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 5 s for {what}");
}

#[tokio::test]
async fn processes_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::check(&provider(folder.path(), SCRIPT, 2), 2).await.unwrap();
}

#[tokio::test]
async fn a_restarted_control_plane_finds_and_stops_its_machines() {
    let folder = tempfile::tempdir().unwrap();
    let machine = {
        let first = provider(folder.path(), SCRIPT, 2);
        first.launch(&[order("a")]).await.remove(0).unwrap()
    };
    let home = folder.path().join("a");
    until("the runner's child", || {
        std::fs::read_to_string(home.join("child")).is_ok_and(|text| text.ends_with('\n'))
    })
    .await;
    let child = std::fs::read_to_string(home.join("child")).unwrap();
    assert_eq!(std::fs::read_to_string(home.join("jit")).unwrap(), "very-secret");

    let second = provider(folder.path(), SCRIPT, 2);
    assert_eq!(second.list().await.unwrap(), std::slice::from_ref(&machine));
    assert_eq!(second.launch(&[order("a")]).await.remove(0).unwrap().id, machine.id);
    second.terminate(&"a".parse().unwrap()).await.unwrap();
    assert!(second.list().await.unwrap().is_empty());
    // The whole group is stopped, not only its leader.
    let stat = format!("/proc/{}/stat", child.trim());
    until("the child's end", || std::fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z ")))
        .await;
}

#[tokio::test]
async fn a_runner_that_ends_by_itself_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let provider = provider(folder.path(), "exit 0", 2);
    provider.launch(&[order("short")]).await.remove(0).unwrap();
    for _ in 0..500 {
        if provider.list().await.unwrap().is_empty() {
            // One name is one machine, for ever.
            let again = provider.launch(&[order("short")]).await.remove(0).unwrap_err();
            assert_eq!(again.class, ErrorClass::Config);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is still listed");
}

#[tokio::test]
async fn secrets_are_neither_on_the_command_line_nor_printed() {
    let folder = tempfile::tempdir().unwrap();
    let provider = provider(folder.path(), SCRIPT, 1);
    let machine = provider.launch(&[order("quiet")]).await.remove(0).unwrap();
    if let Ok(line) = std::fs::read_to_string(format!("/proc/{}/cmdline", machine.id)) {
        assert!(!line.contains("very-secret"), "{line}");
    }
    assert!(!format!("{provider:?} {:?}", order("quiet")).contains("very-secret"));
    let home = folder.path().join("quiet");
    until("its environment", || home.join("child").exists()).await;
    let environment = std::fs::read_to_string(home.join("env")).unwrap();
    assert!(!environment.contains("CARGO"), "{environment}");
    provider.terminate(&"quiet".parse().unwrap()).await.unwrap();
}
