//! `cancel`, `rollback`, `link`, `resolve`, `ask`, `withdraw` and `override-freeze`: what a
//! person does to a deployment.

use super::{Global, output, status, wiring};
use crate::app::{Code, Error};
use crate::domain::principal::Actor;

pub(super) async fn cancel(global: &Global, id: &str, reason: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    status::show(global, &app.cancel(id, reason, person(&app)).await?)
}

pub(super) async fn rollback(global: &Global, id: &str, reason: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    status::show(global, &app.rollback(id, reason, person(&app)).await?)
}

pub(super) async fn resolve(global: &Global, id: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    status::show(global, &app.resolve_as_not_run(id, person(&app)).await?)
}

pub(super) async fn link(global: &Global, id: &str, issue: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let linked = app.link_issue(id, issue, person(&app)).await?;
    if global.json {
        return output::json(&linked);
    }
    if linked.already_linked {
        output::note(&format!("{issue} was linked before; nothing was done"));
    }
    status::show(global, &app.status(id).await?)
}

pub(super) async fn ask(global: &Global, id: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    match app.ask(id, person(&app)).await {
        // It is done, and the request is opened as soon as a server runs.
        Err(error) if error.code == Code::NotAwaitingApproval && error.retryable => {}
        asked => drop(asked?),
    }
    status::show(global, &app.status(id).await?)
}

pub(super) async fn withdraw(global: &Global, id: &str, reason: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    status::show(global, &app.withdraw(id, reason, person(&app)).await?)
}

pub(super) async fn override_freeze(global: &Global, id: &str, reason: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    status::show(global, &app.override_freeze(id, reason, &person(&app)).await?)
}

/// Whoever uses the command line, by the operating system's word.
pub(super) fn person(app: &crate::app::App) -> Actor {
    Actor::at_command_line(app.policy.user.clone())
}
