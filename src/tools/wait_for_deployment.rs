//! `wait_for_deployment`

use std::time::Duration;

use rmcp::model::ProgressNotificationParam;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::summary::Summary as _;
use super::tool::{Caller, Card, Hints, Tool};
use crate::app::view::StatusView;
use crate::app::{Error, Until};

/// The tool.
pub(super) struct WaitForDeployment;

/// Which deployment, what for and how long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The deployment.
    deployment_id: String,
    /// `change` (default): any event. `attention`: it needs a person, or in mode `step` you, or is over. `ended`: it is over. Or a state, such as `awaiting-approval`.
    until: Option<String>,
    /// With `change`: return at once if the version is higher already. Pass the version that you saw last, and no change is missed.
    since_version: Option<u64>,
    /// How long to wait at most: 25 by default, and never longer than 50.
    timeout_seconds: Option<u64>,
}

/// The wait of a caller that names none. Most clients give a call a minute.
const DEFAULT_TIMEOUT_SECONDS: u64 = 25;

/// The deployment as it is when the wait ends.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// `false`: the timeout has passed; call again.
    pub(super) condition_met: bool,
    #[serde(flatten)]
    pub(super) deployment: StatusView,
}

impl Tool for WaitForDeployment {
    const CARD: Card = Card {
        name: "wait_for_deployment",
        title: "Wait for a deployment",
        description: "Wait until a deployment changes, needs attention, ends or reaches a state, and return its status as get_status does. Use it after start_deployment and transition, again and again until `ended` is true or people are needed: until=attention suits an unattended run. condition_met=false means that the timeout passed, which is normal; call again. Changes nothing, and the deployment goes on whether anybody waits or not.",
        hints: Hints::LOOKS,
    };

    type Arguments = Arguments;
    type Answer = Answer;

    async fn call(caller: &Caller<'_>, arguments: Arguments) -> Result<Answer, Error> {
        let id = &arguments.deployment_id;
        let until = Until::parse(arguments.until.as_deref(), arguments.since_version);
        let timeout = Duration::from_secs(arguments.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS));
        let wait = caller.app.wait(id, &until, timeout, |status| tell(caller, status));
        let (deployment, condition_met) = tokio::select! {
            outcome = wait => outcome?,
            () = caller.closing.cancelled() => (caller.app.status(id).await?, false),
            () = caller.request.ct.cancelled() => (caller.app.status(id).await?, false),
        };
        Ok(Answer { condition_met, deployment })
    }
}

/// Tell a client that asked for progress; the version is a measure that only rises.
async fn tell(caller: &Caller<'_>, status: StatusView) {
    let Some(token) = caller.request.meta.get_progress_token() else { return };
    #[expect(clippy::cast_precision_loss, reason = "no deployment has 2^52 events")]
    let progress = status.version as f64;
    let notification = ProgressNotificationParam::new(token, progress).with_message(status.summary());
    if let Err(error) = caller.request.peer.notify_progress(notification).await {
        tracing::debug!(%error, "a client that waits could not be told of a change");
    }
}
