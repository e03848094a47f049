//! The state machine of a workflow as a Mermaid diagram.

use crate::domain::event::{Completion, MainEvent};
use crate::domain::workflow::{Stage, Workflow};

/// The states and events of a deployment that follows `workflow` to its end.
pub(super) fn of(workflow: &Workflow) -> String {
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    lines.push("    [*] --> in_flight".to_owned());
    lines.push("    state \"in flight\" as in_flight {".to_owned());
    lines.extend(way(workflow).iter().flat_map(Arrow::lines).map(|line| format!("        {line}")));
    lines.push("    }".to_owned());
    lines.extend(AROUND.map(|line| format!("    {line}")));
    lines.join("\n") + "\n"
}

/// What is the same in every workflow.
const AROUND: [&str; 18] = [
    "in_flight --> completed",
    "in_flight --> failed : FAILURE, REJECTED, APPROVAL_EXPIRED",
    "failed --> in_flight : RETRY, at the stage that failed",
    "in_flight --> cancelling : CANCEL",
    "cancelling --> cancelled : CANCELLED, once Harness confirms",
    "cancelling --> completed : when the last stage succeeded first",
    "state \"rolling-back\" as rolling_back",
    "state \"rolled-back\" as rolled_back",
    "state \"rollback-failed\" as rollback_failed",
    "in_flight --> rolling_back : ROLLBACK, once an environment was touched",
    "completed --> rolling_back : ROLLBACK",
    "failed --> rolling_back : ROLLBACK",
    "cancelled --> rolling_back : ROLLBACK",
    "rolling_back --> cancelling : CANCEL",
    "rolling_back --> rolled_back : ROLLBACK_COMPLETE",
    "rolling_back --> rollback_failed : ROLLBACK_FAILED",
    "rolled_back --> [*]",
    "rollback_failed --> [*]",
];

/// An event that leads into a state, or out of flight.
struct Arrow {
    from: String,
    to: Option<Place>,
    event: String,
}

/// A state with the name that the diagram has for it.
#[derive(Clone)]
struct Place {
    key: String,
    state: String,
}

impl Place {
    /// Mermaid's names have no hyphens.
    fn new(name: &str, state: &str) -> Self {
        Self { key: name.replace('-', "_"), state: state.to_owned() }
    }
}

impl Arrow {
    fn lines(&self) -> Vec<String> {
        let Self { from, to, event } = self;
        match to {
            None => vec![format!("{from} --> [*] : {event}")],
            Some(Place { key, state }) if key == state => vec![format!("{from} --> {key} : {event}")],
            Some(Place { key, state }) => {
                vec![format!("state \"{state}\" as {key}"), format!("{from} --> {key} : {event}")]
            }
        }
    }
}

/// From `pending` to the end, with `awaiting-approval` before each gated stage.
fn way(workflow: &Workflow) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    let mut here = "pending".to_owned();
    let mut event = MainEvent::Start.name();
    let mut go = |to: Place, event: String| {
        let from = std::mem::replace(&mut here, to.key.clone());
        arrows.push(Arrow { from, to: Some(to), event });
    };
    let mut stage = Some(Stage::Validating);
    while let Some(present) = stage {
        let name = present.to_string();
        if workflow.is_gated(&present) {
            go(Place::new(&format!("approval-before-{name}"), "awaiting-approval"), event.0);
            event = MainEvent::Approved.name();
        }
        go(Place::new(&name, &name), event.0);
        event = Completion::of(&present).map_or_else(|| MainEvent::Failure.name(), |done| done.name());
        stage = workflow.after(&present);
    }
    arrows.push(Arrow { from: here, to: None, event: event.0 });
    arrows
}
