//! What Amazon does to machines that we did not ask for.

use super::{
    Ec2Provider,
    tags::{self, Role},
};
use crate::{
    Error,
    api::{
        instances::{Instance, State},
        trouble::Warning,
    },
};
use trunkline_fleet::provider::{Notice, NoticeKind};

/// Reasons of an end that nobody asked for. Other ends are our orders, a person's, or the machine's own after its
/// job.
const UNASKED: [&str; 4] =
    ["Server.", "Client.InternalError", "Client.VolumeLimitExceeded", "Client.InvalidSnapshot"];

impl Ec2Provider {
    pub(super) async fn all_notices(&self) -> Result<Vec<Notice>, Error> {
        // Without a filter on the state: ended machines are listed for about an hour.
        let everything = self.client().instances(&tags::of_fleet(self.config())).await?;
        let mut notices = vec![];
        for machine in &everything {
            let ended = !machine.state.is_there() && !self.state().ended.contains_key(&machine.id);
            let reason = machine.state_reason.as_deref().unwrap_or_default();
            if ended && UNASKED.iter().any(|unasked| reason.starts_with(unasked)) {
                notices.push(notice(machine, NoticeKind::Ended, reason));
            }
        }
        let warnings = [
            (NoticeKind::Interruption, self.client().spot_warnings().await?),
            (NoticeKind::Maintenance, self.client().scheduled_events().await?),
        ];
        for (kind, warnings) in warnings {
            for Warning { instance, code, message } in warnings {
                let machine = everything.iter().find(|machine| machine.id == instance);
                if let Some(machine) = machine.filter(|machine| machine.state != State::Terminated) {
                    notices.push(notice(machine, kind, &format!("{code}: {message}")));
                }
            }
        }
        Ok(notices)
    }
}

fn notice(machine: &Instance, kind: NoticeKind, reason: &str) -> Notice {
    let name = match tags::role(machine) {
        Some(Role::Runner(name)) => Some(name),
        _ => None,
    };
    Notice { name, machine_id: machine.id.clone(), kind, reason: reason.chars().take(300).collect() }
}
