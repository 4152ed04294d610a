//! Looks at the facts on the way: broken invariants after a step, and whether all is quiet.

use super::Player;
use crate::scenario::{
    invariants::Invariant,
    report::Check,
    system::{System, SystemError},
    values::Length,
};

impl<S: System> Player<'_, S> {
    /// Says after which step an invariant that must hold at every moment was first broken.
    pub(super) async fn look_for_violations(&mut self, number: usize) -> Result<(), SystemError> {
        let facts = self.system.facts().await?;
        for invariant in Invariant::ALWAYS {
            if self.broken.contains(&invariant) || self.scenario.expect.except.contains(&invariant) {
                continue;
            }
            if let Some(first) = invariant.violations(&facts).into_iter().next() {
                self.broken.insert(invariant);
                self.tell(format!("{} is broken after step {number}: {first}", invariant.as_str()));
                let name = format!("step {number}: {}", invariant.as_str());
                self.checks.push(Check { name, ok: false, detail: first });
            }
        }
        Ok(())
    }

    /// Time passes until nothing is left to do, at most this long.
    pub(super) async fn wait_until_quiet(&mut self, limit: Length) -> Result<(), SystemError> {
        let (start, until) = (self.now, self.now + limit.get());
        let mut left;
        loop {
            self.moment().await?;
            let rest = self.people.as_mut().is_none_or(|people| {
                let limited =
                    self.scenario.world.workload.as_ref().is_some_and(|workload| workload.commits.is_some());
                if !limited || !self.active {
                    people.pause();
                }
                people.is_quiet() && people.next_due().is_none()
            });
            let busy = self.system.is_busy();
            // The whole look is dear: it is taken when nothing plainly speaks against peace, and at the end.
            left = if rest && !busy || self.now >= until {
                let facts = self.system.facts().await?;
                let excepted = &self.scenario.expect.except;
                let wanted = Invariant::IN_TIME.into_iter().filter(|invariant| !excepted.contains(invariant));
                wanted.flat_map(|invariant| invariant.violations(&facts)).collect()
            } else {
                vec!["jobs or runners are busy".into()]
            };
            if rest && left.is_empty() {
                break;
            }
            if left.is_empty() {
                left.push("people have work to do".into());
            }
            if self.now >= until {
                break;
            }
            self.now = self.next(until);
        }
        let passed = Length::from_secs(self.now.duration_since(start).as_secs());
        let ok = left.is_empty();
        self.checks.push(Check {
            name: "wait_until_quiet".into(),
            ok,
            detail: if ok {
                format!("after {passed}")
            } else {
                format!("not after {limit}: {}", left.join("; "))
            },
        });
        self.tell(if ok {
            format!("all is quiet after {passed}")
        } else {
            format!("not quiet after {limit}")
        });
        Ok(())
    }
}
