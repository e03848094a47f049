//! A history as varied as a year of somebody's: services of several repositories, retries, requests that are
//! answered in every way, lists of commits that overlap, rollouts that fail or are taken back, hotfixes and
//! incidents. The same in every run.

use std::collections::BTreeMap;

use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::story::{
    Answered, Asked, Brought, Outcome, Repeated, Rollout, StageTimes, Story,
};
use deployment_orchestrator::domain::time::Timestamp;

/// Services. Each has one, two or three repositories.
const SERVICES: u64 = 25;

/// From one deployment to the next, of all together: 100,000 of them take 30 days.
pub(crate) const APART_MS: i64 = 25_920;

/// Numbers that look like chance (Knuth's MMIX).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// From 0 to `below`, which is not among them.
    pub(crate) fn of(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, times: u64) -> bool {
        self.of(100) < times
    }
}

/// Tells one story after another.
pub(crate) struct Stories {
    chance: Chance,
    begins: Timestamp,
    told: i64,
    /// How many commits each repository has, and how many of them its last deployment brought.
    commits: BTreeMap<String, u64>,
}

impl Stories {
    pub(crate) fn from(begins: Timestamp) -> Self {
        Self { chance: Chance(7), begins, told: 0, commits: BTreeMap::new() }
    }

    /// The next deployment, [`APART_MS`] after the one before.
    pub(crate) fn next(&mut self) -> Story {
        let created_at = Timestamp(self.begins.0 + self.told * APART_MS);
        self.told += 1;
        let (service, repository) = self.whose();
        let mut way = Way {
            now: created_at,
            under_way_ms: 0,
            chance: Chance(self.chance.of(u64::MAX >> 33)),
            story: Story {
                deployment: DeploymentId::new(
                    created_at.0.unsigned_abs(),
                    u128::from(self.told.unsigned_abs()),
                ),
                service: service.parse().unwrap(),
                target: match self.chance.of(10) {
                    0 => "dev",
                    1 | 2 => "staging",
                    _ => "prod",
                }
                .parse()
                .unwrap(),
                created_at,
                hotfix: self.chance.percent(4),
                outcome: Outcome::UnderWay,
                ended_at: None,
                total_ms: None,
                stages: BTreeMap::new(),
                retries: Vec::new(),
                approvals: Vec::new(),
                rollouts: Vec::new(),
                commit: sha(&repository, 0).parse().unwrap(),
                commits: Vec::new(),
                repository: repository.parse().unwrap(),
            },
        };
        self.bring(&repository, &mut way.story);
        way.outcome();
        let mut story = way.story;
        if !story.reached_production() {
            story.commits = Vec::new();
        }
        story
    }

    fn whose(&mut self) -> (String, String) {
        let number = self.chance.of(SERVICES);
        let service = format!("service-{number}");
        let repository = match self.chance.of(1 + number % 3) {
            0 => format!("acme/{service}"),
            other => format!("acme/{service}-{other}"),
        };
        (service, repository)
    }

    /// One to ten new commits above one or two that came before; every fourth caller gives no list.
    fn bring(&mut self, repository: &str, story: &mut Story) {
        let head = self.commits.entry(repository.to_owned()).or_default();
        let new = 1 + self.chance.of(10).min(self.chance.of(10));
        *head += new;
        story.commit = sha(repository, *head).parse().unwrap();
        if !self.chance.percent(25) {
            let listed = (*head + 1).saturating_sub(new + 2)..=*head;
            story.commits = listed
                .rev()
                .map(|number| Brought {
                    sha: sha(repository, number).parse().unwrap(),
                    at: (number % 50 != 0)
                        .then(|| Timestamp(story.created_at.0 - 3_600_000 * (1 + (*head - number) as i64))),
                })
                .collect();
        }
    }
}

/// A commit as Git writes it: which one is told by its first digits and its last.
fn sha(repository: &str, number: u64) -> String {
    let digest =
        repository.bytes().fold(17_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:016x}{spread:016x}{:08x}", digest ^ spread, number as u32)
}

/// One deployment on its way.
struct Way {
    story: Story,
    now: Timestamp,
    under_way_ms: u64,
    chance: Chance,
}

impl Way {
    fn outcome(&mut self) {
        for (stage, fails) in [("validating", 2), ("building", 3), ("testing", 6)] {
            self.stage(stage);
            if self.chance.percent(fails) {
                return self.end(Outcome::Failed { reason: failed(stage).to_owned() });
            }
        }
        let target = self.story.target.to_string();
        for environment in ["dev", "staging", "prod"] {
            if environment == "prod" && !self.approved() {
                return;
            }
            self.stage(&format!("deploying-{environment}"));
            let fails = self.chance.percent(3);
            self.rollout(environment, !fails);
            if fails {
                return self.end(Outcome::Failed { reason: "stage-failed".to_owned() });
            }
            if environment == target {
                break;
            }
        }
        self.story.total_ms = Some(self.under_way_ms);
        self.end(Outcome::Completed);
        if self.chance.percent(3) {
            self.take_back();
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.story.outcome = outcome;
        self.story.ended_at = Some(self.now);
    }

    fn pass(&mut self, milliseconds: u64) -> u64 {
        self.now = Timestamp(self.now.0 + milliseconds as i64);
        self.under_way_ms += milliseconds;
        milliseconds
    }

    fn stage(&mut self, stage: &str) {
        let (queue, run, wait) = (self.chance.of(20_000), self.chance.of(600_000), self.chance.of(3_000));
        let mut attempts = 1;
        while attempts < 3 && self.chance.percent(5) {
            attempts += 1;
            let cause =
                ["upstream", "timeout", "infrastructure", "pipeline-failed"][self.chance.of(4) as usize];
            self.story.retries.push(Repeated {
                stage: stage.to_owned(),
                cause: cause.to_owned(),
                asked: cause == "pipeline-failed",
            });
        }
        let times = StageTimes {
            queue_ms: self.pass(queue),
            run_ms: self.pass(run),
            wait_ms: self.pass(wait),
            attempts,
        };
        self.story.stages.insert(stage.to_owned(), times);
    }

    fn approved(&mut self) -> bool {
        let requested_at = self.now;
        let seen = self.chance.of(1_800_000);
        let wait = seen + self.chance.of(3_600_000);
        self.pass(wait);
        let answer = match self.chance.of(20) {
            0 => Answered::Rejected,
            1 => Answered::Expired,
            _ => Answered::Approved,
        };
        let is_decided = answer != Answered::Expired;
        let seen_at = Timestamp(requested_at.0 + seen as i64);
        self.story.approvals.push(Asked {
            environment: "prod".parse().unwrap(),
            requested_at,
            answer,
            seen_at: self.chance.percent(60).then_some(seen_at),
            decided_at: is_decided.then_some(self.now),
            triggered_at: (answer == Answered::Approved).then(|| Timestamp(self.now.0 + 900)),
        });
        match answer {
            Answered::Approved => return true,
            Answered::Expired => self.end(Outcome::Failed { reason: "approval-expired".to_owned() }),
            _ => self.end(Outcome::Failed { reason: "approval-rejected".to_owned() }),
        }
        false
    }

    fn rollout(&mut self, environment: &str, arrived: bool) {
        self.story.rollouts.push(Rollout {
            environment: environment.parse().unwrap(),
            production: environment == "prod",
            arrived_at: arrived.then_some(self.now),
            failed_at: (!arrived).then_some(self.now),
            rolled_back_at: None,
            restored_at: None,
            goes_back_to: None,
        });
    }

    fn take_back(&mut self) {
        let begun = Timestamp(self.now.0 + self.chance.of(7_200_000) as i64);
        let done = Timestamp(begun.0 + 60_000 + self.chance.of(300_000) as i64);
        for rollout in &mut self.story.rollouts {
            rollout.rolled_back_at = Some(begun);
            rollout.restored_at = Some(done);
        }
        self.now = done;
        self.end(Outcome::RolledBack);
    }
}

fn failed(stage: &str) -> &'static str {
    match stage {
        "validating" => "validation-failed",
        "testing" => "tests-failed",
        _ => "stage-failed",
    }
}

/// Incidents of these services, spread over the time of so many deployments from `begins` on. Every
/// third names a deployment; every tenth is not over.
pub(crate) fn incidents(
    count: u64,
    begins: Timestamp,
    deployments: i64,
    named: &[DeploymentId],
) -> Vec<Incident> {
    let mut chance = Chance(11);
    let span = (deployments * APART_MS) as u64;
    (0..count)
        .map(|number| {
            let began_at = Timestamp(begins.0 + chance.of(span) as i64);
            let lasts = chance.of(7_200_000) as i64;
            Incident {
                id: format!("INC-{number}").parse().unwrap(),
                service: format!("service-{}", chance.of(SERVICES)).parse().unwrap(),
                began_at,
                resolved_at: (number % 10 != 0).then(|| Timestamp(began_at.0 + lasts)),
                deployment: (number % 3 == 0).then(|| named[chance.of(named.len() as u64) as usize].clone()),
            }
        })
        .collect()
}
