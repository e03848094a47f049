//! Where a deployment is. What a state needs lives in its variant, so that a
//! state without it cannot be written.

use serde::{Deserialize, Serialize};

use super::approval::ApprovalRequest;
use super::execution::Failure;
use super::id::{Branch, CommitSha, DeploymentId, EnvironmentName, VariableName};
use super::run::Run;
use super::workflow::{Stage, Workflow};

/// The state of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// Accepted, not begun.
    Pending,
    /// A stage does its work. The wire name is the stage's.
    Active {
        /// The stage and its present attempt.
        work: Work,
        /// What let it begin.
        permit: Permit,
    },
    /// People are asked before something is deployed to `environment`.
    AwaitingApproval {
        /// The environment behind the gate.
        environment: EnvironmentName,
        /// The open request; `None` until the engine has opened one.
        request: Option<Box<ApprovalRequest>>,
    },
    /// A person stopped it, and what runs in Harness is being stopped.
    Cancelling {
        /// What is being stopped.
        stopping: Option<Work>,
        /// What `stopping` puts back, if it is the restore of a rollback. It may
        /// succeed before it is stopped, and then the environment runs that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restoring: Option<Box<Restore>>,
    },
    /// Environments get their last good version back.
    RollingBack(Box<Rollback>),
    /// The target environment runs the commit.
    Completed,
    /// It ended without success.
    Failed {
        /// The stage to return to with RETRY.
        stage: Stage,
        /// Why.
        reason: FailureReason,
    },
    /// A person stopped it, and Harness confirms that nothing runs.
    Cancelled,
    /// Every touched environment has its last good version back, or keeps what
    /// another deployment has brought since.
    RolledBack,
    /// A rollback failed; people are paged.
    RollbackFailed {
        /// Why.
        failure: Failure,
    },
}

/// A stage and its present attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The stage.
    #[serde(flatten)]
    pub stage: Stage,
    /// The attempt.
    pub run: Run,
}

impl Work {
    /// A first attempt at `stage`.
    #[must_use]
    pub fn first(stage: Stage) -> Self {
        Self { stage, run: Run::first() }
    }
}

/// What let a stage begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "permit")]
pub enum Permit {
    /// There is no gate before it.
    Open,
    /// This request was approved. It is verified again at the trigger.
    Approved {
        /// The request with its decisions.
        request: Box<ApprovalRequest>,
    },
}

/// A rollback under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// What ran when the rollback began. It is stopped first.
    pub stopping: Option<Work>,
    /// The environment that is being restored.
    pub run: Run,
    /// What is restored now.
    pub now: Restore,
    /// What is restored after it, in order.
    pub then: Vec<Restore>,
}

impl Rollback {
    /// The stage that the present restore is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::Restoring(self.now.environment.clone())
    }
}

/// One environment and the version that it gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its last good version.
    pub version: Version,
    /// Whether the deployment that is rolled back had rolled out its own version
    /// there with success, directly after this one: whether undoing that leads here.
    /// Not known, and so `false`, of a rollback that began earlier.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delivered: bool,
}

/// What becomes of an environment when a deployment that touched it is rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// It gets this back.
    To(Restore),
    /// Another deployment has been there since: it keeps what it has.
    Overtaken,
    /// No earlier good version is known.
    Unknown,
}

impl Restore {
    /// What becomes of `environment` when `deployment` is rolled back, given what
    /// was deployed there, newest first.
    ///
    /// A version that came back was restored, so what was deployed in between
    /// was rolled back and is not good. Of the others, `is_bad` says it, newest
    /// first, until one is not.
    ///
    /// # Errors
    /// Those of `is_bad`.
    pub fn find<E>(
        environment: &EnvironmentName,
        history: &[Version],
        deployment: &DeploymentId,
        mut is_bad: impl FnMut(&Version) -> Result<bool, E>,
    ) -> Result<WayBack, E> {
        let mut stayed: Vec<&Version> = Vec::new();
        for version in history.iter().rev() {
            match stayed.iter().position(|earlier| earlier.deployment == version.deployment) {
                Some(restored) => stayed.truncate(restored + 1),
                None => stayed.push(version),
            }
        }
        let delivered = stayed.pop_if(|present| present.deployment == *deployment).is_some();
        if stayed.iter().any(|version| version.deployment == *deployment) {
            return Ok(WayBack::Overtaken);
        }
        for (passed_over, version) in stayed.into_iter().rev().enumerate() {
            if !is_bad(version)? {
                return Ok(WayBack::To(Self {
                    environment: environment.clone(),
                    version: version.clone(),
                    delivered: delivered && passed_over == 0,
                }));
            }
        }
        Ok(WayBack::Unknown)
    }
}

/// What was deployed to an environment, with all that is needed to deploy it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The deployment that put it there.
    pub deployment: DeploymentId,
    /// The commit.
    pub commit: CommitSha,
    /// The branch.
    pub branch: Branch,
    /// The caller's variables of that deployment.
    pub variables: std::collections::BTreeMap<VariableName, String>,
}

/// Why a deployment is `failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum FailureReason {
    /// Validation found errors. Needs a new commit or config.
    ValidationFailed {
        /// The first error.
        failure: Failure,
    },
    /// The tests ran and failed. Needs a new commit.
    TestsFailed {
        /// What the pipeline said.
        failure: Failure,
    },
    /// The stage's pipeline ran and failed: the rollout said no.
    StageFailed {
        /// What the pipeline said.
        failure: Failure,
    },
    /// We could not do it: Harness refused, or could not be reached, or lost the call.
    StageErrored {
        /// What was seen.
        failure: Failure,
    },
    /// Somebody stopped the execution in Harness.
    StageAborted,
    /// A newer deployment of the service goes into the environment instead.
    Superseded {
        /// That one.
        by: DeploymentId,
    },
    /// A person rejected the request. Needs a new commit.
    ApprovalRejected {
        /// Who and why.
        message: String,
    },
    /// Nobody decided in time.
    ApprovalExpired,
    /// The stored deployment is not what its history says. Start a new one.
    Tampered {
        /// What does not fit.
        what: String,
    },
}

impl FailureReason {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ValidationFailed { .. } => "validation-failed",
            Self::TestsFailed { .. } => "tests-failed",
            Self::StageFailed { .. } => "stage-failed",
            Self::StageErrored { .. } => "stage-errored",
            Self::StageAborted => "stage-aborted",
            Self::Superseded { .. } => "superseded",
            Self::ApprovalRejected { .. } => "approval-rejected",
            Self::ApprovalExpired => "approval-expired",
            Self::Tampered { .. } => "tampered",
        }
    }

    /// What was in the way, by its wire name: the cause of the failure or, where no attempt
    /// had failed, [`Self::name`].
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::ValidationFailed { failure }
            | Self::TestsFailed { failure }
            | Self::StageFailed { failure }
            | Self::StageErrored { failure } => failure.cause.as_str(),
            Self::StageAborted
            | Self::Superseded { .. }
            | Self::ApprovalRejected { .. }
            | Self::ApprovalExpired
            | Self::Tampered { .. } => self.name(),
        }
    }

    /// Whether this deployment can never get further, so that RETRY is refused.
    #[must_use]
    pub fn needs_new_commit(&self) -> bool {
        match self {
            Self::ValidationFailed { .. }
            | Self::TestsFailed { .. }
            | Self::ApprovalRejected { .. }
            | Self::Superseded { .. }
            | Self::Tampered { .. } => true,
            Self::StageFailed { .. }
            | Self::StageErrored { .. }
            | Self::StageAborted
            | Self::ApprovalExpired => false,
        }
    }

    /// What happened, in words; partly from outside, shortened.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::ValidationFailed { failure }
            | Self::TestsFailed { failure }
            | Self::StageFailed { failure }
            | Self::StageErrored { failure } => failure.message.clone(),
            Self::StageAborted => "the execution was stopped in Harness".to_owned(),
            Self::Superseded { by } => format!("{by} is newer and goes there instead"),
            Self::ApprovalRejected { message } => message.clone(),
            Self::ApprovalExpired => "nobody decided before the approval request expired".to_owned(),
            Self::Tampered { what } => format!("what is stored is not what was recorded: {what}"),
        }
    }
}

/// The wire names of all states that a deployment on this workflow can have.
#[must_use]
pub fn names(workflow: &Workflow) -> Vec<String> {
    let mut names = vec!["pending".to_owned()];
    let mut stage = Some(Stage::Validating);
    while let Some(present) = stage {
        names.push(present.to_string());
        stage = workflow.after(&present);
    }
    let others = [
        "awaiting-approval",
        "completed",
        "failed",
        "cancelling",
        "cancelled",
        "rolling-back",
        "rolled-back",
        "rollback-failed",
    ];
    names.extend(others.map(str::to_owned));
    names
}

impl State {
    /// The wire name.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Active { work, .. } => work.stage.to_string(),
            Self::Pending => "pending".to_owned(),
            Self::AwaitingApproval { .. } => "awaiting-approval".to_owned(),
            Self::Cancelling { .. } => "cancelling".to_owned(),
            Self::RollingBack(_) => "rolling-back".to_owned(),
            Self::Completed => "completed".to_owned(),
            Self::Failed { .. } => "failed".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::RolledBack => "rolled-back".to_owned(),
            Self::RollbackFailed { .. } => "rollback-failed".to_owned(),
        }
    }

    /// Whether the deployment is over. Only RETRY and ROLLBACK leave such a state.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Completed
            | Self::Failed { .. }
            | Self::Cancelled
            | Self::RolledBack
            | Self::RollbackFailed { .. } => true,
            Self::Pending
            | Self::Active { .. }
            | Self::AwaitingApproval { .. }
            | Self::Cancelling { .. }
            | Self::RollingBack(_) => false,
        }
    }

    /// The environment that it is before, or at work in.
    #[must_use]
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Active { work, .. } | Self::Cancelling { stopping: Some(work), .. } => {
                work.stage.environment()
            }
            Self::AwaitingApproval { environment, .. } => Some(environment),
            Self::RollingBack(rollback) => match &rollback.stopping {
                Some(work) => work.stage.environment(),
                None => Some(&rollback.now.environment),
            },
            Self::Pending
            | Self::Cancelling { stopping: None, .. }
            | Self::Completed
            | Self::Failed { .. }
            | Self::Cancelled
            | Self::RolledBack
            | Self::RollbackFailed { .. } => None,
        }
    }

    /// The stage at work and its attempt. While a rollback stops what ran, it
    /// is that; then it is the present restore.
    #[must_use]
    pub fn work(&self) -> Option<(Stage, &Run)> {
        match self {
            Self::Active { work, .. } => Some((work.stage.clone(), &work.run)),
            Self::Cancelling { stopping, .. } => {
                stopping.as_ref().map(|work| (work.stage.clone(), &work.run))
            }
            Self::RollingBack(rollback) => Some(match &rollback.stopping {
                Some(work) => (work.stage.clone(), &work.run),
                None => (rollback.stage(), &rollback.run),
            }),
            Self::Pending
            | Self::AwaitingApproval { .. }
            | Self::Completed
            | Self::Failed { .. }
            | Self::Cancelled
            | Self::RolledBack
            | Self::RollbackFailed { .. } => None,
        }
    }

    /// This state with another attempt in [`Self::work`]'s place.
    #[must_use]
    pub(super) fn with_run(mut self, run: Run) -> Self {
        match &mut self {
            Self::Active { work, .. } => work.run = run,
            Self::Cancelling { stopping: Some(work), .. } => work.run = run,
            Self::RollingBack(rollback) => match &mut rollback.stopping {
                Some(work) => work.run = run,
                None => rollback.run = run,
            },
            Self::Pending
            | Self::AwaitingApproval { .. }
            | Self::Cancelling { stopping: None, .. }
            | Self::Completed
            | Self::Failed { .. }
            | Self::Cancelled
            | Self::RolledBack
            | Self::RollbackFailed { .. } => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What deployment `rolled_back` gives back, where these were deployed, oldest first.
    fn found(deployed: &[u128], rolled_back: u128) -> Option<u128> {
        found_but_for(&[], deployed, rolled_back).map(|(number, _)| number)
    }

    /// The same where these are bad, and whether undoing the rollout leads there.
    fn found_but_for(bad: &[u128], deployed: &[u128], rolled_back: u128) -> Option<(u128, bool)> {
        let version = |number| Version {
            deployment: DeploymentId::new(0, number),
            commit: "0123abc".parse().expect("hexadecimal"),
            branch: "main".parse().expect("a branch"),
            variables: std::collections::BTreeMap::new(),
        };
        let history: Vec<Version> = deployed.iter().rev().map(|number| version(*number)).collect();
        let prod = "prod".parse().expect("a name");
        let is_bad = |it: &Version| Ok::<_, ()>(bad.iter().any(|number| *it == version(*number)));
        let way = Restore::find(&prod, &history, &DeploymentId::new(0, rolled_back), is_bad);
        let Ok(WayBack::To(restore)) = way else { return None };
        let number = deployed.iter().copied().find(|number| restore.version == version(*number))?;
        Some((number, restore.delivered))
    }

    #[test]
    fn what_is_bad_is_passed_over_and_not_by_undoing_one_rollout() {
        assert_eq!(found_but_for(&[], &[1, 2, 3], 3), Some((2, true)));
        assert_eq!(found_but_for(&[2], &[1, 2, 3], 3), Some((1, false)), "undoing would bring 2");
        assert_eq!(found_but_for(&[2], &[1, 2], 3), Some((1, false)), "3 ran and never succeeded");
        assert_eq!(found_but_for(&[1, 2], &[1, 2, 3], 3), None);
        assert_eq!(found_but_for(&[3], &[1, 2, 3], 2), None, "3 has been there since, bad or not");
    }

    #[test]
    fn the_last_good_version_is_the_one_before() {
        assert_eq!(found(&[], 1), None);
        assert_eq!(found(&[1], 1), None);
        assert_eq!(found(&[1, 2], 2), Some(1));
        assert_eq!(found(&[1, 2, 2], 2), Some(1), "deployed twice");
        assert_eq!(found(&[1, 2, 3], 2), None, "3 has been there since");
        assert_eq!(found(&[1, 2], 3), Some(2), "3 ran and never succeeded");
    }

    #[test]
    fn a_version_that_was_rolled_back_is_not_good() {
        assert_eq!(found(&[1, 2, 3, 2], 2), Some(1), "3 was rolled back to 2");
        assert_eq!(found(&[1, 2, 1, 3], 3), Some(1), "2 was rolled back to 1");
        assert_eq!(found(&[1, 2, 1], 2), Some(1), "a rollback that was begun before is finished");
    }
}
