//! How a deployment is: what it waits for, and what can be done.

use super::path::PathView;
use super::places::HoldView;
use super::view::{ApprovalSummary, FailureView, StageView, StatusView, wire_name};
use super::{App, Error};
use super::{findings, timeline};
use crate::domain::approval::ApprovalRequest;
use crate::domain::deployment::{Deployment, Mode};
use crate::domain::door::OpenDoor;
use crate::domain::event::MainEvent;
use crate::domain::health::Probing;
use crate::domain::id::EnvironmentName;
use crate::domain::place::Held;
use crate::domain::record::EventRecord;
use crate::domain::retry::MAX_ATTEMPTS;
use crate::domain::rollback_way::Ask;
use crate::domain::run::{Phase, Run, RunStatus};
use crate::domain::state::{Permit, State};
use crate::domain::workflow::Stage;

/// Events that a timeline and the findings are made from; a deployment with more shows its first ones.
const TIMELINE_EVENTS: u32 = 1_000;

impl App {
    /// The status of a deployment.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn status(&self, id: &str) -> Result<StatusView, Error> {
        let (deployment, rollback) = self.see(id).await?;
        self.view_after(&deployment, &rollback).await
    }

    /// The status with every state that it went through.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn full_status(&self, id: &str) -> Result<StatusView, Error> {
        let (deployment, rollback) = self.see(id).await?;
        let records = self.records_of(&deployment).await?;
        self.full_view(&deployment, &rollback, &records).await
    }

    /// [`Self::full_status`] of a deployment that was read, with its first records at least.
    pub(super) async fn full_view(
        &self,
        deployment: &Deployment,
        rollback: &MainEvent,
        records: &[EventRecord],
    ) -> Result<StatusView, Error> {
        let records = records.get(..TIMELINE_EVENTS as usize).unwrap_or(records);
        let until = (!deployment.progress.state.is_terminal()).then(|| self.clock.now());
        let timeline = timeline::of(records, until);
        let validation = findings::of(records);
        Ok(StatusView {
            timeline: Some(timeline),
            validation,
            ..self.view_after(deployment, rollback).await?
        })
    }

    /// The first records of a deployment, as far as a timeline and the findings need them.
    pub(super) async fn records_of(&self, deployment: &Deployment) -> Result<Vec<EventRecord>, Error> {
        let wanted = deployment.id.clone();
        self.blocking(move |store| store.history(&wanted, 0, TIMELINE_EVENTS)).await
    }

    /// All records of a deployment: what became of its attempts and requests follows
    /// from no fewer.
    pub(super) async fn all_records_of(&self, deployment: &Deployment) -> Result<Vec<EventRecord>, Error> {
        let wanted = deployment.id.clone();
        self.blocking(move |store| store.whole_history(&wanted)).await
    }

    pub(super) async fn view(&self, deployment: &Deployment) -> Result<StatusView, Error> {
        let rollback = self.rollback_of(deployment, "").await?;
        self.view_after(deployment, &rollback).await
    }

    /// [`Self::view_with`], what became of the commit, and what nobody was told.
    async fn view_after(&self, deployment: &Deployment, rollback: &MainEvent) -> Result<StatusView, Error> {
        let mut view = self.view_with(deployment, rollback);
        view.jira_issues = self.issues_of(deployment).await?.iter().map(ToString::to_string).collect();
        view.caveats.extend(self.quarantine_of(deployment).await?);
        view.undelivered_messages = self.untold(deployment).await?;
        Ok(view)
    }

    /// The view of a deployment that would take this ROLLBACK.
    fn view_with(&self, deployment: &Deployment, rollback: &MainEvent) -> StatusView {
        let progress = &deployment.progress;
        let doors = deployment.open_doors(rollback, self.clock.now()).into_iter();
        StatusView {
            deployment_id: deployment.id.to_string(),
            state: progress.state.name(),
            version: progress.version,
            ended: progress.state.is_terminal(),
            state_since: progress.state_since.to_rfc3339(),
            service: deployment.spec.service.to_string(),
            repository: deployment.spec.repository.to_string(),
            branch: deployment.spec.branch.to_string(),
            commit_sha: deployment.spec.commit.to_string(),
            target_environment: deployment.target().map_or_else(String::new, ToString::to_string),
            mode: wire_name(&deployment.spec.mode),
            path: PathView::of(deployment),
            waiting_for: self.waiting_for(deployment),
            stage: progress.state.work().map(|(stage, run)| self.stage_view(&stage, run)),
            held_by: progress
                .held
                .as_ref()
                .map_or_else(Vec::new, |held| held.by.iter().map(HoldView::from).collect()),
            approval: match &progress.state {
                State::AwaitingApproval { request: Some(request), .. } => {
                    Some(ApprovalSummary::of(deployment, request))
                }
                _ => None,
            },
            failure: failure_view(&progress.state),
            available_events: doors.filter(OpenDoor::is_open).map(|door| door.event.0).collect(),
            touched_environments: in_order(deployment),
            jira_issues: Vec::new(),
            undelivered_messages: Vec::new(),
            caveats: self.caveats(deployment),
            timeline: None,
            validation: None,
        }
    }

    fn stage_view(&self, stage: &Stage, run: &Run) -> StageView {
        let execution = run.execution();
        StageView {
            name: stage.to_string(),
            attempt: run.attempt,
            max_attempts: MAX_ATTEMPTS,
            execution_status: run.status.name().to_owned(),
            execution_id: execution.map(|execution| execution.id.to_string()),
            execution_url: execution
                .map(|execution| self.executions.link(&execution.pipeline, &execution.id))
                .filter(|link| !link.is_empty()),
            next_attempt_at: match run.status {
                RunStatus::NotStarted { not_before } if not_before > self.clock.now() => {
                    Some(not_before.to_rfc3339())
                }
                _ => None,
            },
            message_untrusted: match &run.status {
                RunStatus::Failed { failure, .. } => Some(failure.message.clone()),
                RunStatus::Live { phase: Phase::Unknown(word), .. } => {
                    Some(format!("Harness reports the unknown status {word}"))
                }
                _ => None,
            },
        }
    }

    /// One sentence: what it waits for, and on whom.
    pub(super) fn waiting_for(&self, deployment: &Deployment) -> String {
        let step = deployment.spec.mode == Mode::Step;
        if let (Some(held), Some(environment)) =
            (&deployment.progress.held, deployment.progress.state.environment())
        {
            return waiting_outside(environment, held);
        }
        match &deployment.progress.state {
            State::Pending if step => "the caller: send START".to_owned(),
            State::Pending => "the engine, which begins at once".to_owned(),
            State::AwaitingApproval { environment, request: None } => match &deployment.spec.path {
                _ if self.policy.gates_of(&deployment.spec).contains_key(environment) => {
                    "the engine, which opens the approval request".to_owned()
                }
                Some(path) if !self.policy.paths.contains_key(&path.name) => {
                    format!("an operator: the config has no path `{}` any more", path.name)
                }
                _ => format!("an operator: the config names nobody who may approve {environment}"),
            },
            State::AwaitingApproval { request: Some(request), .. } => {
                self.waiting_for_people(deployment, request)
            }
            State::Cancelling { .. } => match deployment.progress.state.work() {
                Some((stage, run)) if !run.is_at_rest() => {
                    format!("Harness, which is to confirm that {stage} has stopped")
                }
                _ => "the engine, which records that nothing runs any more".to_owned(),
            },
            State::Active { .. } | State::RollingBack(_) => match deployment.progress.state.work() {
                Some((stage, run)) => waiting_for_run(deployment, &stage, run),
                None => "the engine".to_owned(),
            },
            State::Failed { reason, .. } if reason.needs_new_commit() => {
                "nothing: it is over; start a new deployment with a new commit".to_owned()
            }
            State::Failed { .. } => "nothing: it is over; RETRY tries the failed stage again".to_owned(),
            State::RollbackFailed { .. } => {
                "a person: the rollback failed, and the environment must be looked at".to_owned()
            }
            State::Completed | State::Cancelled | State::RolledBack => "nothing: it is over".to_owned(),
        }
    }

    /// What must be known: of this server, of an approval that no strong proof stands behind, and of
    /// what a rollback leaves as it is.
    fn caveats(&self, deployment: &Deployment) -> Vec<String> {
        let request = match &deployment.progress.state {
            State::AwaitingApproval { request: Some(request), .. }
            | State::Active { permit: Permit::Approved { request }, .. } => Some(request),
            _ => None,
        };
        let decisions = request.map_or(&[][..], |request| &request.decisions);
        let weak = decisions.iter().filter_map(|decision| {
            let caveat = decision.statement.assurance.caveat()?;
            Some(format!("approval of {}: {caveat}", decision.statement.environment))
        });
        let kept = deployment.kept_unrestored().map(|kept| format!("rollback: {kept}"));
        self.policy.caveats.iter().cloned().chain(weak).chain(kept).collect()
    }

    /// The people who have not decided yet, or whoever acts on what they decided.
    fn waiting_for_people(&self, deployment: &Deployment, request: &ApprovalRequest) -> String {
        let environment = &request.environment;
        if request.rejection(&deployment.id).is_some() {
            return "the engine, which records the rejection".to_owned();
        }
        if request.withdrawn.is_some() {
            return format!(
                "the caller: the approval request was taken back; `approve` asks people again, and otherwise it expires at {}",
                request.expires_at.to_rfc3339()
            );
        }
        let opening = request.guards_of_opening(deployment.parties(), self.clock.now());
        if opening.iter().all(|guard| guard.holds) {
            return match deployment.spec.mode {
                Mode::Step => "the caller: send APPROVED".to_owned(),
                Mode::Auto => format!("the engine, which goes on to {environment}"),
            };
        }
        let summary = ApprovalSummary::of(deployment, request);
        let groups = opening.iter().filter(|guard| !guard.holds && guard.name == "required-group-approves");
        let groups: String = groups.map(|guard| format!(", {}", guard.opens_when)).collect();
        format!(
            "people: {} of {} approvals for {environment} are given{groups}; {} can decide before {} with `deployment-orchestrator approve {}`",
            summary.approved_by.len(),
            summary.required_approvals,
            summary.approvers.join(", "),
            summary.expires_at,
            deployment.id
        )
    }
}

fn waiting_outside(environment: &EnvironmentName, held: &Held) -> String {
    let holds: Vec<String> =
        held.by.iter().map(|hold| format!("{hold}, until {}", hold.opens_when())).collect();
    format!("its turn to go to {environment}: {}", holds.join("; "))
}

fn waiting_for_run(deployment: &Deployment, stage: &Stage, run: &Run) -> String {
    match &run.status {
        RunStatus::NotStarted { not_before } if not_before.0 > 0 => {
            format!(
                "the backoff timer: attempt {} at {stage} begins at {}",
                run.attempt,
                not_before.to_rfc3339()
            )
        }
        RunStatus::NotStarted { .. } => format!("the engine, which begins {stage}"),
        RunStatus::Triggering { .. } => format!("Harness, which is being asked to run {stage}"),
        RunStatus::OutcomeUnknown { key, .. } if deployment.spec.workflow.is_cautious(stage) => format!(
            "a person: the reply to the trigger of {stage} was lost; it is adopted when {} appears in Harness; if it did not run there, say so with `deployment-orchestrator resolve {} --did-not-run`",
            match deployment.ask(stage) {
                Some(Ask::RollBack(it)) =>
                    format!("exactly one rollback of {} in {}", it.service, it.environment),
                _ => format!("a run with the key {key}"),
            },
            deployment.id
        ),
        RunStatus::OutcomeUnknown { .. } => {
            format!(
                "Harness: the reply to the trigger of {stage} was lost, and the execution is being looked up"
            )
        }
        RunStatus::Live { execution, abort_requested_at: Some(asked), .. }
            if deployment.spec.workflow.terms(stage).overdue(execution, *asked).is_some() =>
        {
            format!("Harness, which is to confirm that {stage} has stopped: its timeout has passed")
        }
        RunStatus::Live { phase: Phase::NeedsHuman(_), .. } => {
            format!("a person in Harness: the execution of {stage} asks for a decision there")
        }
        RunStatus::Live { .. } => format!("Harness, which runs {stage}"),
        RunStatus::Probing { health, .. } => waiting_for_health(deployment, stage, health),
        RunStatus::Succeeded { .. } if deployment.spec.mode == Mode::Step => {
            format!("the caller: {stage} has succeeded; send its completion event")
        }
        RunStatus::Succeeded { .. } | RunStatus::Failed { .. } | RunStatus::Aborted { .. } => {
            format!("the engine, which decides what follows {stage}")
        }
    }
}

fn waiting_for_health(deployment: &Deployment, stage: &Stage, health: &Probing) -> String {
    let url = deployment.health_url(stage).unwrap_or_default();
    // A query may be of no interest to others.
    let address = url.split('?').next().unwrap_or_default();
    let seen = deployment.spec.workflow.terms(stage).health.map(|check| check.seen(health));
    format!(
        "{address} to be healthy after {stage}: {}; it has until {}",
        seen.unwrap_or_default(),
        health.until.to_rfc3339()
    )
}

/// The environments that it touched, in the order of its workflow.
fn in_order(deployment: &Deployment) -> Vec<String> {
    let touched = deployment.touched();
    let environments = deployment.spec.workflow.environments.iter();
    environments.map(|it| &it.name).filter(|name| touched.contains(*name)).map(ToString::to_string).collect()
}

fn failure_view(state: &State) -> Option<FailureView> {
    match state {
        State::Failed { stage, reason } => Some(FailureView {
            stage: stage.to_string(),
            reason: reason.name().to_owned(),
            retry_possible: !reason.needs_new_commit(),
            message_untrusted: reason.message(),
        }),
        State::RollbackFailed { failure } => Some(FailureView {
            stage: "rolling-back".to_owned(),
            reason: "rollback-failed".to_owned(),
            retry_possible: false,
            message_untrusted: failure.message.clone(),
        }),
        _ => None,
    }
}
