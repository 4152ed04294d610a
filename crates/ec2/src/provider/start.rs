//! The start script: the same for all machines of a fleet, so it can stand in a launch template. What differs from
//! machine to machine comes from its tags; what is secret comes from SSM.

use super::config::Ec2Config;
use crate::Error;
use trunkline_fleet::scale_config::Os;

/// Longest user data, in bytes before encoding.
const MAX_USER_DATA: usize = 16_384;

const LINUX: &str = include_str!("start/linux.sh");
const WINDOWS: &str = include_str!("start/windows.ps1");

/// cloud-init runs scripts at the first boot only, unless it is told otherwise.
const EVERY_BOOT: &str = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==trunkline==\"\n\n\
    --==trunkline==\nContent-Type: text/cloud-config; charset=\"us-ascii\"\n\n\
    #cloud-config\ncloud_final_modules:\n  - [scripts-user, always]\n\n\
    --==trunkline==\nContent-Type: text/x-shellscript; charset=\"utf-8\"\n\n@SCRIPT@\n--==trunkline==--\n";

/// The user data of a machine.
///
/// # Errors
/// When it is longer than Amazon takes.
pub(crate) fn user_data(config: &Ec2Config, os: Os) -> Result<String, Error> {
    let start = &config.start;
    let seconds = start.wait_minutes.saturating_mul(60).to_string();
    let stays = config.reuse.is_some();
    let script = match os {
        Os::Linux => {
            let after = if stays { "say 'the control plane decides what comes next'" } else { "end 'done'" };
            let script = LINUX
                .replace("@FOLDER@", &start.linux_folder)
                .replace("@USER@", &start.linux_user)
                .replace("@WAIT_SECONDS@", &seconds)
                .replace("@AFTER@", after)
                .replace("@PREPARE@", start.linux_prepare.trim());
            if config.boots_again() { EVERY_BOOT.replace("@SCRIPT@", &script) } else { script }
        }
        Os::Windows => {
            let after =
                if stays { "Say 'the control plane decides what comes next'" } else { "End-Machine 'done'" };
            let script = WINDOWS
                .replace("@FOLDER@", &start.windows_folder)
                .replace("@WAIT_SECONDS@", &seconds)
                .replace("@AFTER@", after);
            let persist = if config.boots_again() { "<persist>true</persist>\n" } else { "" };
            format!("<powershell>\n{script}</powershell>\n{persist}")
        }
    };
    if script.len() > MAX_USER_DATA {
        return Err(Error::Config(format!(
            "the start script has {} bytes, more than the {MAX_USER_DATA} that Amazon takes; shorten start.linux_prepare",
            script.len()
        )));
    }
    Ok(script)
}

#[cfg(test)]
mod tests;
