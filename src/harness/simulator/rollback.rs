//! Undoing a rollout: Harness's post-deployment rollback, as far as its client
//! can see it. It runs the pipeline of the rollout anew, in another mode.

use serde_json::{Value, json};

use crate::domain::time::Timestamp;

use super::answer::Answer;
use super::run::Run;
use super::world::{World, execution, texts};

impl World {
    /// Undo the last rollout of a service in an environment, if it succeeded,
    /// was not undone before and has one before it.
    pub(super) fn roll_back(&mut self, asked: &Value, now: Timestamp, fresh: u128) -> Answer {
        let field = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let fields = ["serviceIdentifier", "envIdentifier", "environmentType", "infraIdentifier"];
        if let Some(missing) = fields.into_iter().find(|name| field(name).is_empty()) {
            return Answer::invalid(missing, "must not be empty");
        }
        let (service, environment) = (field("serviceIdentifier"), field("envIdentifier"));
        if !matches!(field("environmentType").as_str(), "Production" | "PreProduction") {
            return Answer::invalid("environmentType", "must be Production or PreProduction");
        }
        let mut rollouts = self.runs.iter().rev().filter(|run| {
            run.undoes.is_none() && run.deploys(&service, &environment) && run.status(now) == "Success"
        });
        let (Some(last), Some(_)) = (rollouts.next(), rollouts.next()) else {
            return refused("there is no earlier successful deployment to go back to");
        };
        if self.runs.iter().any(|run| run.undoes.as_ref() == Some(&last.execution)) {
            return refused("the last deployment was rolled back before");
        }
        let Some(course) = self.scripted(&last.pipeline).cloned() else {
            return Answer::no_pipeline(&last.pipeline);
        };
        let run = Run {
            execution: execution(fresh),
            undoes: Some(last.execution.clone()),
            notes: None,
            started_at: now,
            ending: self.ending(&last.pipeline, &course),
            course,
            abort: None,
            ..last.clone()
        };
        let answer = Answer::of(json!({
            "rollbackTriggered": true, "planExecutionId": run.execution, "message": "Rollback is triggered",
            "serviceIdentifier": service, "envIdentifier": environment, "infraIdentifier": field("infraIdentifier"),
        }));
        self.keep(run);
        answer
    }
}

fn refused(why: &str) -> Answer {
    Answer::of(json!({ "rollbackTriggered": false, "planExecutionId": null, "message": why }))
}

/// Whether `run` is of the services and environments that `filter` names, if it names any.
pub(super) fn is_of(run: &Run, filter: &Value) -> bool {
    let properties = filter.get("moduleProperties").and_then(|it| it.get("cd")).unwrap_or(&Value::Null);
    let named = |list: &str, input: &str| {
        let names = texts(properties.get(list));
        names.is_empty() || names.iter().any(|name| run.was_given(input, name))
    };
    named("serviceIdentifiers", "service") && named("envIdentifiers", "environment")
}

impl Run {
    fn deploys(&self, service: &str, environment: &str) -> bool {
        self.was_given("service", service) && self.was_given("environment", environment)
    }

    /// Whether a variable names this Harness identifier. None has a hyphen or a dot.
    fn was_given(&self, input: &str, identifier: &str) -> bool {
        self.inputs.get(input).is_some_and(|given| given.replace(['-', '.'], "_") == identifier)
    }
}
