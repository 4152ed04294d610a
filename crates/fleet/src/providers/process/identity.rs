//! Who a process is: its id and when it started, since ids are reused.

use std::path::Path;

/// A process at one moment of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) pid: i32,
    started: String,
}

/// Whether a process of an identity is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    Ended,
    Unknown(String),
}

impl Identity {
    /// Reads `/proc/PID/stat`, or `PID ps START` where there is no `/proc`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((pid, started)) = text.split_once(" ps ") {
            return Some(Self { pid: pid.parse().ok()?, started: normal(started) });
        }
        let (pid, _) = text.split_once(' ')?;
        Some(Self { pid: pid.parse().ok().filter(|pid| *pid > 1)?, started: stat(text)?.1.into() })
    }

    pub(super) fn life(&self) -> Life {
        if Path::new("/proc/self/stat").exists() {
            return match std::fs::read_to_string(format!("/proc/{}/stat", self.pid)) {
                Ok(text) => match stat(&text) {
                    Some((state, started)) if started == self.started && !matches!(state, "Z" | "X") => {
                        Life::Running
                    }
                    Some(_) => Life::Ended,
                    None => Life::Unknown(format!("`/proc/{}/stat` has an unknown form", self.pid)),
                },
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Life::Ended,
                // A process that ends while its file is read.
                Err(error) if error.raw_os_error() == Some(3) => Life::Ended,
                Err(error) => Life::Unknown(format!("read `/proc/{}/stat`: {error}", self.pid)),
            };
        }
        let pid = self.pid.to_string();
        match std::process::Command::new("ps").args(["-o", "lstart=", "-p", &pid]).output() {
            Ok(output) if normal(&String::from_utf8_lossy(&output.stdout)) == self.started => Life::Running,
            Ok(_) => Life::Ended,
            Err(error) => Life::Unknown(format!("run `ps`: {error}")),
        }
    }
}

/// State and start time from a line of `/proc/PID/stat`; the command in brackets may hold anything.
fn stat(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    Some((state, fields.nth(18)?))
}

fn normal(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_is_field_22_whatever_the_name() {
        let line =
            "4242 (a) b (c) S 1 4242 4242 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 987654 1000 1 18446744 1";
        assert_eq!(Identity::parse(line), Some(Identity { pid: 4242, started: "987654".into() }));
        assert_eq!(Identity::parse("77 ps Tue Nov 24  10:00:00 2026\n").unwrap().pid, 77);
        assert_eq!(Identity::parse("rubbish"), None);
        assert_eq!(Identity::parse("1 (init) S"), None);
    }

    #[test]
    fn a_reused_id_is_not_the_process() {
        let text = std::fs::read_to_string("/proc/self/stat");
        let Ok(text) = text else { return };
        let own = Identity::parse(&text).unwrap();
        assert_eq!(own.life(), Life::Running);
        assert_eq!(Identity { started: "1".into(), ..own }.life(), Life::Ended);
    }
}
