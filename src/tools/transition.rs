//! `transition`

use super::tool::{Caller, Card, Hints, Tool};
use crate::app::view::StatusView;
use crate::app::{Error, TransitionRequest};

/// The tool.
pub(super) struct Transition;

impl Tool for Transition {
    const CARD: Card = Card {
        name: "transition",
        title: "Send an event to a deployment",
        description: "Move a deployment by one event of its state machine. Use it to RETRY a failed deployment, and in mode `step` to send START and each completion (VALIDATION_COMPLETE, BUILD_COMPLETE, TESTS_PASSED, DEV_DEPLOYED, …) once the stage has succeeded. get_status lists the events that are accepted now; in mode `auto` the server sends completions itself.\n\nA completion is checked against Harness, never believed, and APPROVED needs people's signed decisions: sending either early changes nothing and returns every guard with what would open it. Pass expected_version to act only on the version you have seen.",
        hints: Hints { read_only: false, destructive: true, idempotent: false, open_world: true },
    };

    type Arguments = TransitionRequest;
    type Answer = StatusView;

    async fn call(caller: &Caller<'_>, arguments: TransitionRequest) -> Result<StatusView, Error> {
        caller.app.transition(arguments, caller.actor.clone()).await
    }
}
