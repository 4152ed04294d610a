//! Ends that are nobody's code: machines, network, time limits.

use super::{JobLog, Log};

pub(super) fn infrastructure(log: &mut Log, job: &JobLog<'_>, seed: u64) {
    match seed % 5 {
        0 => {
            log.step("docker pull registry.example.com/torchlite/ci-image:latest");
            log.line("Error response from daemon: Get \"https://registry.example.com/v2/\": net/http: TLS handshake timeout");
            log.line("##[error]Process completed with exit code 1.");
        }
        1 => {
            log.step("nvidia-smi");
            log.line("Unable to determine the device handle for GPU0000:00:1E.0: Unknown Error");
            log.line("##[error]Process completed with exit code 9.");
        }
        2 => {
            log.pass();
            log.line(&format!("##[error]The self-hosted runner: {} lost communication with the server. Verify the machine is running and has a healthy network connection.", job.runner));
        }
        3 => {
            log.step("aws s3 cp s3://torchlite-artifacts/artifacts.zip .");
            log.line("fatal error: An error occurred (SlowDown) when calling the GetObject operation: Please reduce your request rate.");
            log.line("##[error]Process completed with exit code 1.");
        }
        _ => {
            log.step("git submodule update --init --recursive");
            log.line("fatal: unable to access 'https://github.com/acme/third-party.git/': Could not resolve host: github.com");
            log.line("fatal: write error: No space left on device");
            log.line("##[error]Process completed with exit code 128.");
        }
    }
}

pub(super) fn timed_out(log: &mut Log, job: &JobLog<'_>) {
    let minutes = (job.duration.as_secs() / 60).max(1);
    log.ticks = log.ticks.max((job.started_at.as_nanosecond() + job.duration.as_nanos()) / 100);
    log.line(&format!(
        "##[error]The job running on runner {} has exceeded the maximum execution time of {minutes} minutes.",
        job.runner
    ));
    log.line("##[error]The operation was canceled.");
}
