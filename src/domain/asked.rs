//! What an approver should see before they answer, made from the deployment and its history.

use super::approval::ApprovalRequest;
use super::assurance::Assurance;
use super::commit;
use super::deployment::Deployment;
use super::entrance::Stay;
use super::event::{Event, MainEvent};
use super::gate::Gate;
use super::id::{ExecutionId, PipelineId};
use super::message::{Asked, Live, Seen};
use super::page::Pages;
use super::record::{EventRecord, What};
use super::run::RunEvent;
use super::state::State;
use super::workflow::Stage;

/// Commits that are shown of a list that does not reach down to what runs there now.
const MOST_COMMITS: usize = 20;

impl Asked {
    /// What people are asked about `deployment` now; `None` while nobody is. `records` is
    /// its history, `live` is what is in the environment, `ways` are those that lead
    /// somebody to a decision at a gate, `link` says where a person can look at an
    /// execution, and `pages` where they decide.
    #[must_use]
    pub fn of(
        deployment: &Deployment,
        records: &[EventRecord],
        live: Option<&Stay>,
        ways: impl Fn(&Gate) -> Vec<Assurance>,
        link: impl Fn(&PipelineId, &ExecutionId) -> String,
        pages: &Pages,
    ) -> Option<Self> {
        let State::AwaitingApproval { request: Some(request), .. } = &deployment.progress.state else {
            return None;
        };
        if request.withdrawn.is_some() {
            return None;
        }
        let stage = Stage::Deploying(request.environment.clone());
        let commits = &deployment.spec.commits;
        let ahead = live.and_then(|live| commit::ahead_of(commits, &live.version.commit));
        Some(Self {
            request: request.number,
            environment: request.environment.clone(),
            digest: request.digest.clone(),
            pipeline: deployment.subject(&stage, Some(request.gate.version()))?.pipeline_id,
            expires_at: request.expires_at,
            approvers: request.gate.approvers.iter().map(|approver| approver.name.clone()).collect(),
            required: request.gate.required_approvals,
            approved_by: request.approved_by(deployment.parties()).into_iter().cloned().collect(),
            accepts: ways(&request.gate),
            replaces: live.map(|live| Live {
                commit: live.version.commit.clone(),
                deployment: live.version.deployment.clone(),
                since: live.since,
            }),
            commits: commits.iter().take(ahead.unwrap_or(MOST_COMMITS)).cloned().collect(),
            evidence: seen(records, link),
            cautions: cautions(deployment, request, records),
            page: pages.approval(&deployment.id),
        })
    }
}

/// Where a person can look at the last execution of a deployment with this history.
#[must_use]
pub fn last_execution(
    records: &[EventRecord],
    link: impl Fn(&PipelineId, &ExecutionId) -> String,
) -> Option<String> {
    let url = records.iter().rev().find_map(|record| match &record.what {
        What::Event(Event::Run(RunEvent::TriggerAccepted { execution, pipeline })) => {
            Some(link(pipeline, execution))
        }
        What::Event(_) | What::Remark(_) => None,
    });
    url.filter(|url| !url.is_empty())
}

/// The stages that ended well, with the execution that each rests on.
fn seen(records: &[EventRecord], link: impl Fn(&PipelineId, &ExecutionId) -> String) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let mut running: Option<(String, ExecutionId, String)> = None;
    for record in records {
        match &record.what {
            What::Event(Event::Run(RunEvent::TriggerAccepted { execution, pipeline })) => {
                running = Some((record.state.clone(), execution.clone(), link(pipeline, execution)));
            }
            What::Event(Event::Main(MainEvent::StageComplete { .. })) => {
                seen.extend(running.take().map(|(stage, execution, url)| Seen {
                    stage,
                    execution,
                    url,
                    at: record.at,
                }));
            }
            What::Event(_) | What::Remark(_) => {}
        }
    }
    seen
}

fn cautions(deployment: &Deployment, request: &ApprovalRequest, records: &[EventRecord]) -> Vec<String> {
    let shortcut = deployment.shortcut(&Stage::Deploying(request.environment.clone()));
    let path = shortcut.map(|it| format!("PATH {}; because: {}", it.meaning(), it.reason));
    let freezes = &deployment.progress.overridden;
    let overridden = freezes.iter().map(|freeze| format!("it passes the freeze `{freeze}`"));
    let report = records.iter().rev().find_map(EventRecord::report);
    let warnings = report.into_iter().flat_map(|report| &report.warnings);
    let warnings = warnings.map(|finding| format!("{}: {}", finding.code, finding.message));
    let caveats = request.gate.accept.iter().filter_map(|assurance| assurance.caveat());
    let caveats = caveats.map(ToOwned::to_owned);
    path.into_iter().chain(overridden).chain(warnings).chain(caveats).collect()
}
