//! Every answer in one or two sentences that stand alone: some clients show a
//! model nothing else. Text from outside is left to its own field.

use super::{approve, wait_for_deployment};
use crate::app::environments::{EnvironmentView, EnvironmentsView, ServiceView};
use crate::app::explanation::ExplanationView;
use crate::app::plan::{PlanView, PlannedStageView};
use crate::app::view::{HistoryView, ListView, StartedView, StatusView};
use crate::app::{ExecutionView, ExecutionsView, LinkedView, TriggeredView, UrlView};

/// An answer that can be said in short.
pub(super) trait Summary {
    /// What it says, and what to do next.
    fn summary(&self) -> String;
}

/// So many hexadecimal digits of a commit tell it apart for a reader.
const SHORT_COMMIT: usize = 7;

/// Lines of a list that are said; the others stand in the structured content.
const LINES_SAID: usize = 20;

/// Events that stop or undo; never what a caller does next without a reason.
const WAYS_OUT: [&str; 4] = ["CANCEL", "ROLLBACK", "APPROVAL_WITHDRAWN", "APPROVAL_REMINDED"];

impl Summary for StatusView {
    fn summary(&self) -> String {
        let commit: String = self.commit_sha.chars().take(SHORT_COMMIT).collect();
        let mut text = format!("{} of {} {commit} is {}", self.deployment_id, self.service, self.state);
        if let Some(path) = &self.path {
            text += &format!(" on the path {}", path.meaning());
        }
        if let Some(stage) = &self.stage {
            text += &format!(" (attempt {} of {})", stage.attempt, stage.max_attempts);
        }
        match &self.failure {
            Some(failure) => text += &format!(", at {}: {}", failure.stage, failure.reason),
            None if self.ended => {}
            None => text += &format!(", waiting for {}", self.waiting_for),
        }
        text += &format!(". Next: {}.", next(self));
        for caveat in &self.caveats {
            text += &format!(" Note: {caveat}.");
        }
        text
    }
}

impl Summary for LinkedView {
    fn summary(&self) -> String {
        let Self { issue_key, deployment_id, .. } = self;
        match (self.already_linked, self.jira_is_told) {
            (true, _) => format!("{issue_key} was linked to {deployment_id} before; nothing was done."),
            (false, true) => {
                format!("{issue_key} is linked to {deployment_id}; the comment on it follows within seconds.")
            }
            (false, false) => format!(
                "{issue_key} is linked to {deployment_id}; this server does not tell Jira, so a person updates the issue."
            ),
        }
    }
}

fn next(status: &StatusView) -> String {
    let id = &status.deployment_id;
    let can = |event: &str| status.available_events.iter().any(|available| available == event);
    let undo = if can("ROLLBACK") { "; rollback_deployment puts the earlier versions back" } else { "" };
    match (status.state.as_str(), &status.failure) {
        ("failed", Some(failure)) if failure.retry_possible => {
            format!("transition RETRY tries {} again{undo}", failure.stage)
        }
        ("failed", Some(failure)) if failure.reason == "validation-failed" => format!(
            "get_status with detail=full lists what to mend; then start_deployment with restart_of={id}"
        ),
        ("failed", _) => format!("start_deployment with a corrected commit and restart_of={id}{undo}"),
        ("rollback-failed", _) => "tell a person at once; nothing is repeated by itself".to_owned(),
        _ if status.ended => format!("nothing, it is over{undo}"),
        _ => match status.available_events.iter().find(|event| !WAYS_OUT.contains(&event.as_str())) {
            Some(event) if status.mode == "step" => format!("transition {event}"),
            _ if status.approval.is_some() && !can("APPROVED") && !can("REJECTED") => {
                "approve shows how people decide; tell them, then wait_for_deployment with until=ended"
                    .to_owned()
            }
            _ => "wait_for_deployment".to_owned(),
        },
    }
}

impl Summary for StartedView {
    fn summary(&self) -> String {
        let deployment = self.deployment.summary();
        if self.existing {
            format!("Nothing was started: this deployment was there already. {deployment}")
        } else {
            format!("Started. {deployment}")
        }
    }
}

impl Summary for wait_for_deployment::Answer {
    fn summary(&self) -> String {
        let deployment = self.deployment.summary();
        if self.condition_met { deployment } else { format!("The wait has ended first. {deployment}") }
    }
}

impl Summary for ExplanationView {
    fn summary(&self) -> String {
        let Self { deployment_id, state, version, event, .. } = self;
        let unmet: Vec<String> = self
            .guards
            .iter()
            .filter(|guard| !guard.holds)
            .map(|guard| format!("{} is {}, and opens when {}", guard.name, guard.saw, guard.opens_when))
            .collect();
        let verdict = match &self.would_lead_to {
            Some(target) if self.possible => format!("would be accepted and lead to {target}"),
            _ if self.possible => "would be accepted".to_owned(),
            _ if unmet.is_empty() => {
                let events: Vec<&str> =
                    self.events_of_this_state.iter().map(|door| door.event.as_str()).collect();
                format!("is not possible in this state, which has: {}", events.join(", "))
            }
            _ => format!("would be refused: {}", unmet.join("; ")),
        };
        format!("{deployment_id} is {state} (version {version}); {event} {verdict}. Nothing was changed.")
    }
}

impl Summary for approve::Answer {
    fn summary(&self) -> String {
        if let Some(deployment) = &self.deployment {
            let sufficed = if self.approved { "and it suffices" } else { "and more are needed" };
            return format!("The approval was recorded, {sufficed}. {}", deployment.summary());
        }
        let mut text = "Not approved: you cannot approve, people do.".to_owned();
        if let Some(path) = self.what.as_ref().and_then(|what| what.path.as_ref()) {
            text += &format!(" This is the path {}: say so, with its reason.", path.meaning());
        }
        if let (Some(request), Some(how)) = (&self.request, &self.how_to_decide) {
            text += &format!(
                " {} of {} approvals for {} are given; {} can decide before {}: {how}. Next: tell them, then wait_for_deployment with until=ended.",
                request.approved_by.len(),
                request.required_approvals,
                request.environment,
                request.approvers.join(", "),
                request.expires_at,
            );
        }
        text
    }
}

impl Summary for ListView {
    fn summary(&self) -> String {
        let lines = self.deployments.iter().map(|line| {
            let commit: String = line.commit_sha.chars().take(SHORT_COMMIT).collect();
            let (id, service, state) = (&line.deployment_id, &line.service, &line.state);
            let path =
                line.path.as_ref().map_or_else(String::new, |path| format!(" (path {})", path.meaning()));
            format!("{id} {service} {commit} → {}: {state}{path}", line.target_environment)
        });
        let more = self.next_cursor.as_ref().map(|cursor| format!("There are more: pass cursor={cursor}."));
        said(lines, "No deployment matches.", more)
    }
}

impl Summary for HistoryView {
    fn summary(&self) -> String {
        let lines = self.events.iter().map(|event| {
            format!("{} {} {} → {} by {}", event.version, event.at, event.event, event.state, event.by)
        });
        let more = self.next_after.map(|after| format!("There may be more: pass after={after}."));
        let path = self.path.as_ref().map_or_else(String::new, |path| format!("Path {}.\n", path.meaning()));
        path + &said(lines, "There are no further events.", more)
    }
}

impl Summary for ExecutionsView {
    fn summary(&self) -> String {
        said(self.executions.iter().map(Summary::summary), "No execution matches.", None)
    }
}

/// The first lines, how many are left out, and how to get the next page.
fn said(lines: impl ExactSizeIterator<Item = String>, none: &str, more: Option<String>) -> String {
    let unsaid = lines.len().saturating_sub(LINES_SAID);
    let mut said: Vec<String> = lines.take(LINES_SAID).collect();
    if said.is_empty() {
        said.push(none.to_owned());
    }
    if unsaid > 0 {
        said.push(format!("… and {unsaid} more in the structured content."));
    }
    said.extend(more);
    said.join("\n")
}

impl Summary for ExecutionView {
    fn summary(&self) -> String {
        let Self { execution_id, pipeline_id, status, url, .. } = self;
        format!("Execution {execution_id} of {pipeline_id}: {status} {url}").trim_end().to_owned()
    }
}

impl Summary for TriggeredView {
    fn summary(&self) -> String {
        let Self { execution_id, pipeline_id, url, .. } = self;
        format!("Started {pipeline_id} as execution {execution_id}: {url}. Next: harness_get_execution.")
    }
}

impl Summary for UrlView {
    fn summary(&self) -> String {
        format!("Execution {}: {}", self.execution_id, self.url)
    }
}

impl Summary for EnvironmentsView {
    fn summary(&self) -> String {
        self.environments.iter().map(EnvironmentView::summary).collect::<Vec<_>>().join(" ")
    }
}

impl EnvironmentView {
    fn summary(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        if let Some(frozen) = &self.frozen {
            said.push(format!("frozen by {}", frozen.by.join(", ")));
        }
        if let Some(locked) = &self.locked {
            said.push(format!("locked by {}", locked.by));
        }
        for service in self.services.iter().take(LINES_SAID) {
            said.extend(service.summary());
        }
        if said.is_empty() {
            said.push("nothing was deployed by this server".to_owned());
        }
        format!("{}: {}.", self.environment, said.join("; "))
    }
}

impl ServiceView {
    /// Nothing where nothing is there and nobody wants to come.
    fn summary(&self) -> Option<String> {
        let waiting = match self.queue.len() {
            0 => String::new(),
            waiting => format!(", {waiting} waiting"),
        };
        let drift: Vec<String> = self
            .drift
            .iter()
            .filter(|drift| drift.drift != "none")
            .map(|it| format!(", DRIFT {} (asked: {})", it.drift, it.source))
            .collect();
        let service = &self.service;
        match &self.live {
            Some(live) => {
                let commit: String = live.commit_sha.chars().take(SHORT_COMMIT).collect();
                Some(format!("{service} {commit} since {}{waiting}{}", live.since, drift.concat()))
            }
            None if self.queue.is_empty() => None,
            None => Some(format!("nothing of {service}{waiting}")),
        }
    }
}

impl Summary for PlanView {
    fn summary(&self) -> String {
        let commit: String = self.commit_sha.chars().take(SHORT_COMMIT).collect();
        let stages: Vec<String> = self.stages.iter().map(PlannedStageView::summary).collect();
        let verdict = match self.blockers.as_slice() {
            [] => "It can be started".to_owned(),
            blockers => format!("It cannot be started: {}", blockers.join("; ")),
        };
        let path =
            self.path.as_ref().map_or_else(String::new, |path| format!(" on the path {}", path.meaning()));
        format!(
            "{} {commit} to {}{path}: {}. {verdict}, with expected_plan_hash={}. Nothing was started.",
            self.service,
            self.target_environment,
            stages.join(" → "),
            self.plan_hash
        )
    }
}

impl PlannedStageView {
    fn summary(&self) -> String {
        let asked = self.approval.as_ref().map_or_else(String::new, |approval| {
            format!(", after {} of {} approve", approval.required_approvals, approval.approvers.join(", "))
        });
        let held: Vec<&str> = self.held_by.iter().map(|hold| hold.hold.as_str()).collect();
        let held = if held.is_empty() { String::new() } else { format!(" (now {})", held.join(", ")) };
        format!("{}{asked}{held}", self.stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_said_where_nothing_is_live_yet() {
        let service = |queue: &[&str]| ServiceView {
            service: "checkout".to_owned(),
            repository: Some("acme/checkout".to_owned()),
            live: None,
            place_taken_by: None,
            queue: queue.iter().map(|id| (*id).to_owned()).collect(),
            locked: None,
            drift: Vec::new(),
            earlier: Vec::new(),
        };
        assert_eq!(service(&["dep_1", "dep_2"]).summary().as_deref(), Some("nothing of checkout, 2 waiting"));
        assert_eq!(service(&[]).summary(), None);
    }
}
