//! Lets people land commits and push to pull requests, and keeps the jobs of each commit going.
//!
//! [`Generator::step`] is called often, with the present time; it does what is due and reads from the stage which
//! jobs have ended. Between two calls nothing happens, so a late call only delays. Everything it decides comes
//! from the seed: with a stage that answers alike, two generators do the same.

mod parts;

use super::{
    catalogue::Catalogue,
    config::{WorkloadConfig, seconds},
    failing::Breakage,
    people,
    rollout::{Ready, Rollout, Rules, Subject},
    stage::{NewPull, NewPush, Stage},
};
use jiff::{SignedDuration, Timestamp};
use parts::{Landing, Pull, new_sha};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use trunkline_model::{BranchName, PrNumber, Rng, Sha};

/// More open pull requests than this and the oldest are merged or closed first.
const MAX_OPEN_PULLS: usize = 30;
/// More breakages at once than this and nobody could tell them apart.
const MAX_BREAKAGES: usize = 3;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// What the generator has done so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Commits on trunk.
    pub commits: u64,
    /// Reverts and fixes among them.
    pub cures: u64,
    /// Pushes to pull requests.
    pub pull_pushes: u64,
    /// Jobs that became ready for a runner.
    pub jobs: u64,
    /// Jobs skipped because the one before them failed.
    pub skipped: u64,
    /// Runs whose failed jobs were started again.
    pub reruns: u64,
}

/// The people and workflows of the invented project.
#[derive(Debug)]
pub struct Generator {
    config: WorkloadConfig,
    catalogue: Catalogue,
    rng: Rng,
    tip: Sha,
    next_number: u64,
    pulls: VecDeque<Pull>,
    breakages: Vec<Breakage>,
    rollouts: Vec<Rollout>,
    /// Commits land while it is set.
    next_commit: Option<Timestamp>,
    next_pull: Option<Timestamp>,
    /// A pull request that gets another push while its jobs still run.
    next_fixup: Option<(Timestamp, PrNumber)>,
    released: VecDeque<Timestamp>,
    stats: Stats,
}

impl Generator {
    /// A project whose first commit lands right after `start`.
    pub fn new(config: WorkloadConfig, start: Timestamp) -> Self {
        let mut rng = Rng::from_seed(config.seed);
        let tip = new_sha(&mut rng);
        let next_number = 140_000 + rng.below(9_000);
        let catalogue = Catalogue::new(&config);
        let mut this = Self {
            config,
            catalogue,
            rng,
            tip,
            next_number,
            pulls: VecDeque::new(),
            breakages: vec![],
            rollouts: vec![],
            next_commit: None,
            next_pull: None,
            next_fixup: None,
            released: VecDeque::new(),
            stats: Stats::default(),
        };
        this.resume(start);
        this
    }

    /// The configuration it works by.
    pub fn config(&self) -> &WorkloadConfig {
        &self.config
    }

    /// The jobs it can start.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Tip of trunk.
    pub fn tip(&self) -> &Sha {
        &self.tip
    }

    /// The last number that a pull request got.
    pub fn last_number(&self) -> u64 {
        self.next_number
    }

    /// Gives numbers above this one from now on: the ones up to it are taken.
    pub fn number_above(&mut self, taken: u64) {
        self.next_number = self.next_number.max(taken);
    }

    /// No further commits and pushes; what has begun goes on to its end.
    pub fn pause(&mut self) {
        (self.next_commit, self.next_pull, self.next_fixup) = (None, None, None);
    }

    /// Commits and pushes come again, the first commit at once.
    pub fn resume(&mut self, now: Timestamp) {
        self.next_commit = Some(now);
        self.next_pull = (self.config.pr_share > 0.0).then(|| now + self.pull_gap(now));
    }

    /// Whether all that has begun has ended.
    pub fn is_quiet(&self) -> bool {
        self.rollouts.iter().all(Rollout::is_done)
    }

    /// When it wants the next [`Generator::step`], should nothing happen in the world before; `None` when only
    /// the world can move it.
    pub fn next_due(&self) -> Option<Timestamp> {
        let arrivals = [self.next_commit, self.next_pull, self.next_fixup.map(|(at, _)| at)];
        let jobs = self.rollouts.iter().filter_map(Rollout::next_due).min();
        let jobs = match (jobs, self.config.self_hosted_per_minute) {
            // Paced jobs get ready when the oldest of the last minute's leaves it.
            (Some(at), Some(most)) if self.released.len() >= most as usize => {
                self.released.front().map(|first| at.max(*first + MINUTE))
            }
            (at, _) => at,
        };
        arrivals.into_iter().flatten().chain(jobs).min()
    }

    /// Does what is due by `now`.
    pub fn step(&mut self, stage: &mut dyn Stage, now: Timestamp) {
        while let Some(at) = self.next_commit.filter(|at| *at <= now) {
            // After a long sleep the missed commits do not all land at once.
            let jitter = self.config.jitter.clamp(0.0, 1.0);
            let beat = 1.0 - jitter + self.rng.exponential(jitter);
            let gap = seconds(beat * self.config.commit_gap_seconds(now));
            self.next_commit = Some((at + gap).max(now + SignedDuration::from_secs(1)));
            self.land(stage, now);
        }
        if self.next_pull.is_some_and(|at| at <= now) {
            self.next_pull = Some(now + self.pull_gap(now));
            self.push_pull(stage, now);
        }
        if let Some((_, number)) = self.next_fixup.filter(|(at, _)| *at <= now) {
            self.next_fixup = None;
            self.update_pull(number, stage, now);
        }
        self.drive(stage, now);
    }

    fn pull_gap(&mut self, now: Timestamp) -> SignedDuration {
        let mean = self.config.commit_gap_seconds(now) / self.config.pr_share.max(1e-6);
        seconds(self.rng.exponential(mean).max(5.0))
    }

    /// Lets jobs end, unblock, become ready.
    fn drive(&mut self, stage: &mut dyn Stage, now: Timestamp) {
        let rules = Rules { catalogue: &self.catalogue, config: &self.config };
        for rollout in &mut self.rollouts {
            let did = rollout.step(&rules, stage, now, &mut self.rng);
            self.stats.skipped += did.skipped;
            self.stats.reruns += did.reruns;
        }
        self.rollouts.retain(|rollout| !rollout.is_done());
        while self.released.front().is_some_and(|at| *at + MINUTE <= now) {
            self.released.pop_front();
        }
        let mut ready: Vec<Ready> =
            self.rollouts.iter().enumerate().flat_map(|(at, rollout)| rollout.ready(at, now)).collect();
        ready.sort();
        for ready in ready {
            let rollout = &mut self.rollouts[ready.rollout];
            if !rollout.is_hosted(ready, &rules) {
                if self.config.self_hosted_per_minute.is_some_and(|most| self.released.len() >= most as usize)
                {
                    continue;
                }
                if self.config.self_hosted_per_minute.is_some() {
                    self.released.push_back(now);
                }
            }
            rollout.queue(ready, &rules, stage);
            self.stats.jobs += 1;
        }
    }

    /// One commit lands on trunk: a revert that is due, a pull request, or a change nobody saw before.
    fn land(&mut self, stage: &mut dyn Stage, now: Timestamp) {
        let cured = self
            .breakages
            .iter()
            .position(|breakage| breakage.lasts == 0)
            .map(|at| self.breakages.remove(at));
        self.breakages.iter_mut().for_each(|breakage| breakage.lasts = breakage.lasts.saturating_sub(1));
        let landing = match cured {
            Some(breakage) => self.cure(&breakage, stage),
            None => self.merge(),
        };
        let Landing { number, title, message, author, branch, adds } = landing;
        let before = std::mem::replace(&mut self.tip, new_sha(&mut self.rng));
        let commit = self.commit(&self.tip, message, author, now);
        let pusher = people::BOT.login.to_owned();
        let push = NewPush {
            branch: self.config.branch.clone(),
            before: Some(before),
            commits: vec![commit],
            pusher,
        };
        stage.push(push);
        if branch {
            stage.comment(number, author.login, &format!("@{} merge", people::BOT.login));
            stage.close_pull(number, Some(&self.tip));
        }
        if adds && self.breakages.len() < MAX_BREAKAGES && self.rng.chance(self.config.failures.bad_commit) {
            let jobs = Breakage::jobs(&self.catalogue, None, &mut self.rng);
            let lasts = Breakage::draw_length(self.config.failures.commits_until_fix, &mut self.rng);
            let culprit = self.tip.clone();
            self.breakages.push(Breakage {
                seed: self.rng.u64(),
                jobs,
                culprit,
                title,
                pull: number,
                opened: branch,
                lasts,
            });
        }
        let subject = Subject {
            branch: self.config.branch.clone(),
            sha: self.tip.clone(),
            pull: None,
            actor: people::BOT.login.to_owned(),
            broken: self.trunk_breakages(),
        };
        let workflows: Vec<_> = self.catalogue.on_trunk(self.stats.commits).collect();
        let rules = Rules { catalogue: &self.catalogue, config: &self.config };
        self.rollouts.push(Rollout::start(subject, &workflows, &rules, stage, now));
        self.stats.commits += 1;
    }

    /// The revert of a breakage's commit, or a fix for it.
    fn cure(&mut self, breakage: &Breakage, stage: &mut dyn Stage) -> Landing {
        self.stats.cures += 1;
        if self.rng.chance(0.7) {
            let by = people::person(&mut self.rng);
            let ask = format!(
                "@{} revert -m \"breaks trunk, see the red jobs\" -c ignoredsignal",
                people::BOT.login
            );
            if breakage.opened {
                stage.comment(breakage.pull, by.login, &ask);
            }
            return Landing {
                number: breakage.pull,
                title: people::revert_title(&breakage.title),
                message: people::revert_body(&breakage.title, breakage.culprit.as_str(), by),
                author: people::BOT,
                branch: false,
                adds: false,
            };
        }
        let number = self.number();
        let title = people::merged_title(&format!("Fix trunk after #{}", breakage.pull), number);
        let message = format!(
            "{title}\n\nPull Request resolved: https://github.com/{}/pull/{number}\n",
            self.config.repo
        );
        Landing { number, title, message, author: people::person(&mut self.rng), branch: false, adds: false }
    }

    /// The oldest open pull request that is not known to be broken, or a change nobody saw before.
    fn merge(&mut self) -> Landing {
        let ready = self.pulls.iter().position(|pull| pull.broken.is_empty());
        let full = self.pulls.len() >= MAX_OPEN_PULLS;
        let pull = ready.filter(|_| full || self.rng.chance(0.5)).and_then(|at| self.pulls.remove(at));
        let branch = pull.is_some();
        let (number, title, author) = match pull {
            Some(pull) => (pull.number, pull.title, pull.author),
            None => (self.number(), people::title(&mut self.rng), people::person(&mut self.rng)),
        };
        let merged = people::merged_title(&title, number);
        let approver = people::person(&mut self.rng);
        let message = people::merged_body(&merged, number, self.config.repo.as_str(), approver);
        Landing { number, title: merged, message, author, branch, adds: true }
    }

    /// Somebody opens a pull request or pushes to one.
    fn push_pull(&mut self, stage: &mut dyn Stage, now: Timestamp) {
        let open_one = self.pulls.len() < MAX_OPEN_PULLS && (self.pulls.is_empty() || self.rng.chance(0.6));
        if !open_one {
            let at = self.rng.below(self.pulls.len() as u64) as usize;
            let number = self.pulls[at].number;
            return self.update_pull(number, stage, now);
        }
        let number = self.number();
        let (author, title) = (people::person(&mut self.rng), people::title(&mut self.rng));
        let branch: BranchName = format!("{}/change-{number}", author.login)
            .parse()
            .unwrap_or_else(|_| self.config.branch.clone());
        let sha = new_sha(&mut self.rng);
        let commit = self.commit(&sha, title.clone(), author, now);
        let pusher = author.login.to_owned();
        stage.push(NewPush { branch: branch.clone(), before: None, commits: vec![commit], pusher });
        stage.open_pull(NewPull {
            number,
            title: title.clone(),
            body: format!("{title}.\n\nTest plan: CI"),
            author: author.login.to_owned(),
            head_branch: branch.clone(),
            head_sha: sha.clone(),
            base_sha: self.tip.clone(),
            labels: vec!["open source".into()],
        });
        let broken = self.pull_breakage();
        self.pulls.push_back(Pull { number, title, author, branch, broken });
        self.test_pull(number, sha, stage, now);
    }

    /// Another push to an open pull request; its unfinished jobs are cancelled.
    fn update_pull(&mut self, number: PrNumber, stage: &mut dyn Stage, now: Timestamp) {
        let Some(at) = self.pulls.iter().position(|pull| pull.number == number) else { return };
        for rollout in self.rollouts.iter_mut().filter(|rollout| rollout.pull == Some(number)) {
            rollout.supersede(stage);
        }
        let broken = if self.rng.chance(0.6) { BTreeMap::new() } else { self.pull_breakage() };
        let pull = &mut self.pulls[at];
        pull.broken = broken;
        let (author, branch) = (pull.author, pull.branch.clone());
        let sha = new_sha(&mut self.rng);
        let commit = self.commit(&sha, "Address review comments".into(), author, now);
        stage.push(NewPush { branch, before: None, commits: vec![commit], pusher: author.login.to_owned() });
        stage.update_pull(number, &sha);
        self.test_pull(number, sha, stage, now);
    }

    fn test_pull(&mut self, number: PrNumber, sha: Sha, stage: &mut dyn Stage, now: Timestamp) {
        let Some(pull) = self.pulls.iter().find(|pull| pull.number == number) else { return };
        // A pull request is tested on top of trunk: it carries trunk's breakages too.
        let mut broken = self.trunk_breakages();
        broken.extend(&pull.broken);
        let (branch, actor) = (pull.branch.clone(), pull.author.login.to_owned());
        let subject = Subject { branch, sha, pull: Some(number), actor, broken };
        let workflows: Vec<_> = self.catalogue.on_pulls().collect();
        let rules = Rules { catalogue: &self.catalogue, config: &self.config };
        self.rollouts.push(Rollout::start(subject, &workflows, &rules, stage, now));
        self.stats.pull_pushes += 1;
        if self.rng.chance(self.config.failures.superseded) {
            let soon = seconds((300.0 + self.rng.exponential(1_500.0)) * self.config.duration_scale);
            self.next_fixup = Some((now + soon, number));
        }
    }
}

#[cfg(test)]
mod tests;
