//! `demo`: deployments for people to watch, each to the end that its scenario claims.
//!
//! Nothing is staged: the server is this very program as an MCP host starts it,
//! spoken to over standard input and output; the simulator is a Harness over
//! HTTP; what people do are the commands that they would type.

mod approvals;
mod freeze;
mod hotfix;
mod receiver;
mod release;
mod rollback;
mod screen;
mod session;
mod show;

use std::time::Duration;

use serde_json::Value;

use self::show::Show;
use crate::app::{Code, Error};

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Scenario {
    /// A commit goes to production; its tests meet a broken connection once. Ends `completed`.
    Release,
    /// People are told of a release in Slack, Teams and over a webhook. Ends `completed`.
    Approvals,
    /// A freeze begins to matter between approval and trigger. Ends `completed` after it.
    Freeze,
    /// A fix leaves stages out, on record, and two people approve. Ends `completed`.
    Hotfix,
    /// A release fails in production, and the version before comes back by itself. Ends `rolled-back`.
    Rollback,
}

/// Longer than any scenario takes: a demo that hangs has failed.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) async fn run(scenario: Scenario) -> Result<(), Error> {
    let play = async {
        match scenario {
            Scenario::Release => release::play().await,
            Scenario::Approvals => approvals::play().await,
            Scenario::Freeze => freeze::play().await,
            Scenario::Hotfix => hotfix::play().await,
            Scenario::Rollback => rollback::play().await,
        }
    };
    match tokio::time::timeout(PATIENCE, play).await {
        Ok(outcome) => outcome,
        Err(_) => Err(failed("the demo took longer than two minutes")),
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn failed(reason: &str) -> Error {
    Error::new(Code::IoFailed, reason, "run it again with ORCHESTRATOR_LOG=debug to see more")
}
