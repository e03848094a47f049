//! What the tests of the store deploy: a workflow of dev, staging and prod, and
//! a world that says which events may come next.

use std::collections::{BTreeMap, BTreeSet};

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::decision::{Decision, Statement, Verdict};
use deployment_orchestrator::domain::deployment::{Deployment, Mode, Spec};
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::execution::{Cause, ExecutionStatus, Failure, HumanWait, Retry};
use deployment_orchestrator::domain::finding::ValidationReport;
use deployment_orchestrator::domain::gate::{Approver, Gate, PolicyVersion};
use deployment_orchestrator::domain::health::{Answer, HealthCheck};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::plan::{self, Gates, Next, Otherwise, Step, Timing};
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::rollback_way::RollbackWay;
use deployment_orchestrator::domain::run::RunEvent;
use deployment_orchestrator::domain::signature::PrivateKey;
use deployment_orchestrator::domain::state::{Restore, State};
use deployment_orchestrator::domain::subject::Digest;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::workflow::{Environment, PipelineRun, Stage, Workflow};

/// When the tests begin, in milliseconds.
pub(crate) const START: i64 = 1_700_000_000_000;

/// The `number`-th deployment of a test.
pub(crate) fn id(number: u128) -> DeploymentId {
    DeploymentId::new(START.unsigned_abs(), number)
}

/// A deployment of `acme/checkout` to prod, as an agent asks for it.
pub(crate) fn spec() -> Spec {
    let environment = |name: &str, production| Environment {
        name: name.parse().unwrap(),
        production,
        gated: production,
        // These tests are about storing, and say nothing of places.
        exclusive: false,
        concurrency: None,
        deploy: pipeline(&format!("deploy_{name}")),
        health: production.then(|| HealthCheck {
            url: "https://${deployment.service}.acme.example/healthz".parse().unwrap(),
            status: 200,
            successes: 2,
            interval_ms: 1_000,
            timeout_ms: 60_000,
        }),
        rollback: RollbackWay::Redeploy,
        automatic_rollback: false,
    };
    Spec {
        repository: "acme/checkout".parse().unwrap(),
        service: "checkout".parse().unwrap(),
        branch: "main".parse().unwrap(),
        commit: "5c1b2f09e1d34c7aa0b7e2f1c9d8e7f6a5b4c3d2".parse().unwrap(),
        mode: Mode::Auto,
        variables: BTreeMap::from([("region".parse().unwrap(), "eu-west-1".to_owned())]),
        manifests: None,
        jira_issues: vec!["SHOP-42".parse().unwrap()],
        notify: BTreeSet::new(),
        initiator: Actor::agent("claude-code".to_owned(), "ada".parse().unwrap(), Channel::McpStdio),
        commit_authors: Vec::new(),
        commits: Vec::new(),
        idempotency_key: None,
        restart_of: None,
        path: None,
        workflow: Workflow {
            build: pipeline("build_and_push"),
            test: pipeline("run_tests"),
            environments: vec![
                environment("dev", false),
                environment("staging", false),
                environment("prod", true),
            ],
            skipped: Vec::new(),
        },
    }
}

fn pipeline(id: &str) -> PipelineRun {
    PipelineRun {
        pipeline: id.parse().unwrap(),
        input_sets: Vec::new(),
        variables: BTreeMap::new(),
        timeout_ms: None,
    }
}

/// The events that may happen to `deployment` at `at`. The first brings it
/// towards its end; none when it is over for good. Others may be refused.
pub(crate) fn choices(deployment: &Deployment, at: Timestamp) -> Vec<Event> {
    let mut events = match plan::next(deployment, &Timing::default(), &gates(), at) {
        Next::Do(step) => answers(deployment, *step, at),
        Next::Wait(_) | Next::Idle => Vec::new(),
    };
    if let State::AwaitingApproval { request: Some(request), .. } = &deployment.progress.state {
        let decision = |verdict| MainEvent::DecisionMade {
            decision: Decision::sign(
                Statement {
                    deployment_id: deployment.id.clone(),
                    environment: request.environment.clone(),
                    request: request.number,
                    digest: request.digest.clone(),
                    verdict,
                    person: "grace".parse().unwrap(),
                    assurance: Assurance::Signed,
                    reason: Some("reviewed".to_owned()),
                    decided_at: at,
                },
                &key(),
            ),
        };
        events.push(decision(Verdict::Approve).into());
        events.push(decision(Verdict::Reject).into());
        events.push(MainEvent::ApprovalVoided { reason: "the policy changed".to_owned() }.into());
    }
    if deployment.progress.state != State::Pending {
        events.push(rollback(deployment));
        events.push(MainEvent::Retry.into());
        events.push(MainEvent::Cancel { reason: "a person stopped it".to_owned() }.into());
    }
    events
}

fn answers(deployment: &Deployment, step: Step, at: Timestamp) -> Vec<Event> {
    let accepted = |pipeline| RunEvent::TriggerAccepted {
        execution: format!("run-{}", deployment.progress.version).parse().unwrap(),
        pipeline,
    };
    let failure = |retry| Failure { cause: Cause::Upstream, message: "502 Bad Gateway".to_owned(), retry };
    let transient = failure(Retry::Retryable { after: None });
    let run_events = match step {
        Step::Record(event) => return vec![event],
        Step::RequestApproval { environment } => {
            let digest = digest(deployment, &Stage::Deploying(environment));
            return vec![MainEvent::ApprovalRequested { gate: Box::new(gate()), digest }.into()];
        }
        Step::Validate => {
            let report = ValidationReport { errors: Vec::new(), warnings: Vec::new() };
            vec![RunEvent::ValidationReported { report }]
        }
        Step::Trigger { stage } => vec![
            RunEvent::TriggerIntended {
                key: deployment.next_key(&stage),
                digest: digest(deployment, &stage),
                policy: policy(deployment, &stage),
            },
            RunEvent::AttemptFailed { failure: transient },
        ],
        Step::LookUp { pipeline, otherwise, .. } => {
            let mut events = vec![accepted(pipeline)];
            match otherwise {
                Otherwise::Record(Event::Run(event)) => events.push(event),
                Otherwise::Record(Event::Main(_)) => {}
                Otherwise::LookAgain => events.push(RunEvent::OutcomeResolved),
            }
            events.push(RunEvent::AttemptFailed { failure: transient });
            events
        }
        Step::Observe { .. } => [
            ExecutionStatus::Succeeded,
            ExecutionStatus::Running,
            ExecutionStatus::NeedsHuman(HumanWait::Approval),
            ExecutionStatus::Failed(transient),
            ExecutionStatus::Failed(failure(Retry::Final)),
            ExecutionStatus::Aborted,
        ]
        .map(|status| RunEvent::ExecutionObserved { status })
        .into(),
        Step::Probe { .. } => {
            [200, 503].map(|code| RunEvent::HealthObserved { answer: Answer::Status(code) }).into()
        }
        Step::RollBack { .. } => return vec![rollback(deployment)],
        Step::Abort { .. } => vec![RunEvent::AbortRequested],
        Step::ScheduleRetry { .. } => vec![RunEvent::RetryScheduled { not_before: at }],
    };
    run_events.into_iter().map(Event::Run).collect()
}

fn rollback(deployment: &Deployment) -> Event {
    let touched = deployment.touched();
    let environments = &deployment.spec.workflow.environments;
    let targets = environments
        .iter()
        .rev()
        .filter(|environment| touched.contains(&environment.name))
        .map(|environment| Restore {
            environment: environment.name.clone(),
            version: deployment.version_of(&Stage::Building),
            delivered: false,
        })
        .collect();
    MainEvent::Rollback {
        reason: "errors after the rollout".to_owned(),
        targets,
        overtaken: Vec::new(),
        unknown: Vec::new(),
    }
    .into()
}

fn gates() -> Gates {
    Gates::from([("prod".parse().unwrap(), gate())])
}

fn gate() -> Gate {
    Gate {
        approvers: vec![Approver { name: "grace".parse().unwrap(), key: Some(key().public()) }],
        required_approvals: 1,
        required_groups: Vec::new(),
        allow_self_approval: false,
        expires_after_ms: 86_400_000,
        accept: vec![Assurance::Signed],
        voucher: None,
        break_glass: None,
    }
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::from_seed(&[7; 32])
}

fn policy(deployment: &Deployment, stage: &Stage) -> Option<PolicyVersion> {
    deployment.spec.workflow.is_gated(stage).then(|| gate().version())
}

fn digest(deployment: &Deployment, stage: &Stage) -> Digest {
    Digest::of(&deployment.subject(stage, policy(deployment, stage)))
}
