//! The Linux script is run, with stand-ins for the programs it calls.

use super::*;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const SECRET: &str = "eyJqaXQiOiJ2ZXJ5LXNlY3JldCJ9";

fn config() -> Ec2Config {
    Ec2Config::new("ghci", vec!["subnet-1".into()])
}

/// A folder of programs; `curl` answers from files below `meta`, `aws` from the file `parameter`.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "meta", "runner"] {
            std::fs::create_dir(machine.path(folder)).unwrap();
        }
        let home = machine.0.path().display();
        machine.program("bin/curl", &format!(
            "for last; do :; done\ncase $last in */api/token) echo T;; *) cat \"{home}/meta/$(basename \"$last\")\" 2>/dev/null;; esac"
        ));
        machine.program("bin/aws", &format!(
            "echo \"$*\" >> {home}/aws.log\ncase \"$*\" in *get-parameter*) cat {home}/parameter;; *delete-parameter*) rm {home}/parameter;; esac"
        ));
        machine.program("bin/shutdown", &format!("echo \"$*\" > {home}/shutdown.log"));
        machine.program("bin/runuser", "shift 3; exec \"$@\"");
        machine.program("bin/getent", "echo 'ci:x:1000:1000::/home/ci:/bin/sh'");
        machine.program("bin/sleep", "exit 0");
        machine.program(
            "runner/run.sh",
            &format!("printf '%s %s' \"$ACTIONS_RUNNER_INPUT_JITCONFIG\" \"$HOME\" > {home}/given; exit 3"),
        );
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn tag(&self, key: &str, value: &str) {
        std::fs::write(self.path(&format!("meta/trunkline:{key}")), value).unwrap();
    }

    fn run(&self, config: &Ec2Config) {
        let script = user_data(config, Os::Linux).unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let status = Command::new("/bin/sh")
            .args(["-c", &script])
            .env("PATH", path)
            .env("TRUNKLINE_LOG", self.path("log"))
            .env("TRUNKLINE_LOCK", self.path("lock"))
            .status()
            .unwrap();
        assert!(status.success(), "{}", self.read("log"));
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

fn in_folder(folder: &Path) -> Ec2Config {
    let mut config = config();
    config.start.wait_minutes = 1;
    config.start.linux_folder = folder.display().to_string();
    config
}

#[test]
fn a_machine_fetches_its_configuration_once_runs_and_ends() {
    let machine = Machine::new();
    machine.tag("runner", "ci-1");
    machine.tag("config", "/trunkline/ghci/ci-1/0123");
    std::fs::write(machine.path("meta/region"), "us-east-1").unwrap();
    std::fs::write(machine.path("parameter"), SECRET).unwrap();
    machine.run(&in_folder(&machine.path("runner")));
    assert_eq!(machine.read("given"), format!("{SECRET} /home/ci"));
    assert!(!machine.path("parameter").exists(), "the configuration is deleted after it was fetched");
    let calls = machine.read("aws.log");
    assert!(calls.contains("get-parameter --region us-east-1 --name /trunkline/ghci/ci-1/0123"), "{calls}");
    let log = machine.read("log");
    assert!(log.contains("runner ci-1 ended with 3"), "{log}");
    assert!(!log.contains(SECRET) && !calls.contains(SECRET), "no secret in a log");
    assert_eq!(machine.read("shutdown.log"), "-h now\n");
}

#[test]
fn a_machine_that_will_be_used_again_stays() {
    let machine = Machine::new();
    machine.tag("runner", "ci-1");
    machine.tag("config", "/p");
    std::fs::write(machine.path("parameter"), SECRET).unwrap();
    let mut config = in_folder(&machine.path("runner"));
    let minutes = jiff::SignedDuration::from_mins;
    config.reuse = Some(crate::provider::Reuse { keep: minutes(10), max_age: minutes(600), max_spares: 5 });
    machine.run(&config);
    assert!(machine.path("given").exists() && !machine.path("shutdown.log").exists());
}

#[test]
fn a_machine_that_nobody_wants_ends() {
    let machine = Machine::new();
    machine.run(&in_folder(&machine.path("runner")));
    assert!(machine.read("log").contains("nobody wants this machine"));
    assert_eq!(machine.read("shutdown.log"), "-h now\n");
}

#[test]
fn a_configuration_that_cannot_be_read_ends_the_machine() {
    let machine = Machine::new();
    machine.tag("runner", "ci-1");
    machine.tag("config", "/p");
    machine.run(&in_folder(&machine.path("runner")));
    assert!(machine.read("log").contains("the configuration of ci-1 cannot be read"));
    assert!(machine.path("shutdown.log").exists() && !machine.path("given").exists());
}

#[test]
fn both_systems_have_a_script_within_the_limit_and_nothing_is_left_open() {
    let mut config = config();
    config.spares.push(crate::provider::SpareGoal { runner_type: "x".into(), running: 0, stopped: 1 });
    for os in [Os::Linux, Os::Windows] {
        let text = user_data(&config, os).unwrap();
        let open = text
            .split('@')
            .any(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        assert!(!open, "{text}");
        assert!(text.len() < 5000);
        assert!(
            text.contains("[scripts-user, always]") || text.contains("<persist>true</persist>"),
            "{text}"
        );
    }
    config.start.linux_prepare = "#".repeat(MAX_USER_DATA);
    let error = user_data(&config, Os::Linux).unwrap_err().to_string();
    assert!(error.contains("shorten start.linux_prepare"), "{error}");
}
