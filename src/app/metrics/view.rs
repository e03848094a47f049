//! Metrics as JSON. Durations are milliseconds; what is not known is absent, and never zero.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::durations::UsualView;
use crate::domain::metrics::dora::Dora;
use crate::domain::metrics::pipeline::{Approvals, Pipeline, StageSpread};
use crate::domain::metrics::spread::Share;
use crate::domain::metrics::window::Window;

/// What `metrics` says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MetricsView {
    /// The first instant that is looked at.
    pub from: String,
    /// The first instant after that.
    pub until: String,
    /// Of each service and target: how deployments went that ended in the window.
    pub pipeline: Vec<PipelineView>,
    /// Of each service and environment of production: the five numbers of DORA.
    pub dora: Vec<DoraView>,
    /// Incidents that began in the window, and belong to no deployment that is known.
    pub incidents_of_no_deployment: u32,
    /// Deployments that were imported and not made here: they count for DORA alone.
    pub imported_deployments: u32,
    /// Deployments whose records could not be followed. They are missing above.
    pub deployments_without_story: u32,
}

/// How the deployments of one service to one target went.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PipelineView {
    /// The service.
    pub service: String,
    /// The target.
    pub environment: String,
    /// How many ended in the window.
    pub deployments: u32,
    /// How long those were under way that were completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<UsualView>,
    /// Where the time went.
    pub stages: Vec<StageTimesView>,
    /// What was tried again.
    pub retries: Vec<RetryView>,
    /// How they ended.
    pub outcomes: Vec<OutcomeView>,
    /// How people were asked.
    pub approvals: ApprovalsView,
}

/// One stage of several deployments.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StageTimesView {
    /// The stage.
    pub stage: String,
    /// How often it was tried, in all deployments.
    pub attempts: u32,
    /// Nothing ran yet: the place was taken, or Harness had not begun.
    pub queue: UsualView,
    /// It was worked on.
    pub run: UsualView,
    /// A person or a timer was waited for.
    pub wait: UsualView,
    /// All three.
    pub total: UsualView,
}

/// Something was tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RetryView {
    /// Why the attempt before had failed.
    pub cause: String,
    /// Whether somebody asked for it with RETRY; else the engine did it by itself.
    pub asked_for: bool,
    /// How often.
    pub count: u32,
}

/// An outcome of deployments.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OutcomeView {
    /// `completed`, `failed`, `cancelled`, `rolled-back` or `rollback-failed`.
    pub outcome: String,
    /// Why, of those that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many.
    pub count: u32,
    /// Of all that ended, from 0 to 1.
    pub rate: f64,
}

/// How people were asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ApprovalsView {
    /// What came of it.
    pub answers: Vec<AnswerView>,
    /// From the request to the last decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_to_decided: Option<UsualView>,
    /// Of how many of these it is known when somebody who was asked first opened the request, on its
    /// page or at the command line. Of the others, such as those decided in Slack, it is not.
    pub first_seen_known: u32,
    /// From the request until then, of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_to_first_seen: Option<UsualView>,
    /// From then to the last decision, of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_to_decided: Option<UsualView>,
    /// From there to the trigger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_to_triggered: Option<UsualView>,
    /// Of all the time from request to decision, the share outside of working hours; absent
    /// where the config does not say when these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside_working_hours: Option<f64>,
}

/// What came of asking people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnswerView {
    /// `approved`, `rejected`, `expired`, `voided`, `withdrawn` or `abandoned`.
    pub answer: String,
    /// How often.
    pub count: u32,
}

/// The five numbers of one service in one environment of production.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DoraView {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// From a commit to production.
    pub change_lead_time: LeadTimeView,
    /// How often.
    pub deployment_frequency: FrequencyView,
    /// How many changes somebody had to do something about.
    pub change_fail_rate: RateView,
    /// How long that took.
    pub failed_deployment_recovery_time: RecoveryView,
    /// How much of the work was done because of that.
    pub deployment_rework_rate: ReworkView,
}

/// Change lead time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeadTimeView {
    /// Absent where no time of a commit is known.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub spread: Option<UsualView>,
    /// How many are of one commit in a known list.
    pub by_commit: u32,
    /// How many are of the head commit, because nobody gave a list.
    pub by_head_commit: u32,
    /// Of how many commits the time is not known. They are not in the numbers.
    pub unknown: u32,
}

/// Deployment frequency.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FrequencyView {
    /// How many changes arrived.
    pub deployments: u32,
    /// On a day of the window.
    pub per_day: f64,
    /// From one to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<UsualView>,
}

/// Change fail rate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RateView {
    /// Failed changes.
    pub failed: u32,
    /// Of so many that did something to production.
    pub changes: u32,
    /// From 0 to 1; absent of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Those whose rollout failed, or left production unhealthy. One change may be in several of these.
    pub by_rollout: u32,
    /// Those that were taken back.
    pub by_rollback: u32,
    /// Those that a hotfix followed.
    pub by_hotfix: u32,
    /// Those that an incident belongs to.
    pub by_incident: u32,
}

/// Failed deployment recovery time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecoveryView {
    /// Absent where nothing failed and recovered.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub spread: Option<UsualView>,
    /// Failures that are not over. They are not in the numbers.
    pub unrecovered: u32,
}

/// Deployment rework rate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReworkView {
    /// Deployments on a named path.
    pub hotfixes: u32,
    /// Times that an earlier version was put back.
    pub rollbacks: u32,
    /// All deployments, with what was put back.
    pub deployments: u32,
    /// From 0 to 1; absent of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

/// Whether what is kept for metrics is what the history tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedView {
    /// It is.
    pub same: bool,
    /// Of so many deployments.
    pub deployments: u64,
}

impl From<Pipeline> for PipelineView {
    fn from(of: Pipeline) -> Self {
        let outcomes = of.outcomes.iter().map(|(outcome, share)| OutcomeView {
            outcome: outcome.name().to_owned(),
            reason: outcome.reason().map(ToOwned::to_owned),
            count: share.part,
            rate: rounded(share.rate().unwrap_or_default()),
        });
        let retries = of.retries.into_iter();
        Self {
            service: of.service.to_string(),
            environment: of.environment.to_string(),
            deployments: of.deployments,
            total: of.total.map(UsualView::from),
            stages: of.stages.into_iter().map(StageTimesView::from).collect(),
            retries: retries
                .map(|((cause, asked_for), count)| RetryView { cause, asked_for, count })
                .collect(),
            outcomes: outcomes.collect(),
            approvals: of.approvals.into(),
        }
    }
}

impl From<(String, StageSpread)> for StageTimesView {
    fn from((stage, of): (String, StageSpread)) -> Self {
        Self {
            stage,
            attempts: of.attempts,
            queue: of.queue.into(),
            run: of.run.into(),
            wait: of.wait.into(),
            total: of.total.into(),
        }
    }
}

impl From<Approvals> for ApprovalsView {
    fn from(of: Approvals) -> Self {
        let answers = of.answers.iter();
        Self {
            answers: answers
                .map(|(answer, count)| AnswerView { answer: answer.as_str().to_owned(), count: *count })
                .collect(),
            requested_to_decided: of.to_decision.map(UsualView::from),
            first_seen_known: of.to_first_look.map_or(0, |spread| spread.count),
            requested_to_first_seen: of.to_first_look.map(UsualView::from),
            first_seen_to_decided: of.look_to_decision.map(UsualView::from),
            decided_to_triggered: of.to_trigger.map(UsualView::from),
            outside_working_hours: of.outside_hours().map(rounded),
        }
    }
}

impl DoraView {
    pub(super) fn of(of: Dora, window: Window) -> Self {
        Self {
            service: of.service.to_string(),
            environment: of.environment.to_string(),
            change_lead_time: LeadTimeView {
                spread: of.lead_times.spread().map(UsualView::from),
                by_commit: of.lead_times.by_commit,
                by_head_commit: of.lead_times.by_head,
                unknown: of.lead_times.unknown,
            },
            deployment_frequency: FrequencyView {
                deployments: of.deployments,
                per_day: rounded(f64::from(of.deployments) / window.days()),
                between: of.between.map(UsualView::from),
            },
            change_fail_rate: RateView {
                failed: of.failed.part,
                changes: of.failed.of,
                rate: rate(of.failed),
                by_rollout: of.failed_by.rollout,
                by_rollback: of.failed_by.rollback,
                by_hotfix: of.failed_by.hotfix,
                by_incident: of.failed_by.incident,
            },
            failed_deployment_recovery_time: RecoveryView {
                spread: of.recovery.map(UsualView::from),
                unrecovered: of.unrecovered,
            },
            deployment_rework_rate: ReworkView {
                hotfixes: of.rework.part - of.rollbacks,
                rollbacks: of.rollbacks,
                deployments: of.rework.of,
                rate: rate(of.rework),
            },
        }
    }
}

fn rate(share: Share) -> Option<f64> {
    share.rate().map(rounded)
}

/// Four digits are more than such numbers mean.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
