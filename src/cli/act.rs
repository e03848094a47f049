//! `cancel`, `rollback` and `resolve`: what a person does to a deployment.

use super::{Global, status, wiring};
use crate::app::Error;
use crate::domain::principal::{Actor, Channel, Principal};

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

/// Whoever uses the command line, by the operating system's word.
fn person(app: &crate::app::App) -> Actor {
    Actor { principal: Principal::Human { name: app.policy.user.clone() }, channel: Channel::CommandLine }
}
