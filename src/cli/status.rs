//! `status`: one deployment, or those in flight.

use super::output::{self, Style};
use super::{Global, validate, wiring};
use crate::app::view::StatusView;
use crate::app::{Error, ListRequest};
use crate::domain::text::visible;

pub(super) async fn one(global: &Global, id: &str) -> Result<(), Error> {
    let app = wiring::app(global)?;
    show(global, &app.full_status(id).await?)
}

pub(super) async fn list(global: &Global, all: bool) -> Result<(), Error> {
    let app = wiring::app(global)?;
    let active = if all { None } else { Some(true) };
    let list = app.list(ListRequest { active, limit: Some(50), ..ListRequest::default() }).await?;
    if global.json {
        return output::json(&list);
    }
    if list.deployments.is_empty() {
        output::line(if all { "no deployments" } else { "no deployments in flight; --all shows the others" });
        return Ok(());
    }
    let rows = list
        .deployments
        .into_iter()
        .map(|it| {
            let path = it.path.map_or_else(String::new, |path| path.meaning());
            vec![
                it.deployment_id,
                it.state,
                it.service,
                it.commit_sha,
                it.target_environment,
                it.updated_at,
                path,
            ]
        })
        .collect();
    output::table(&["deployment", "state", "service", "commit", "target", "last event", "path"], rows);
    Ok(())
}

/// Show one status.
pub(super) fn show(global: &Global, status: &StatusView) -> Result<(), Error> {
    if global.json {
        return output::json(status);
    }
    let state = output::styled(output::state_style(&status.state), &status.state);
    output::line(&format!("{}  {state}  (version {})", status.deployment_id, status.version));
    output::line(&format!(
        "  {} {} of {} ({}) to {}",
        status.service, status.commit_sha, status.repository, status.branch, status.target_environment
    ));
    if let Some(path) = &status.path {
        let text = format!("  PATH {}; because: {}", path.meaning(), visible(&path.reason_untrusted));
        output::line(&output::styled(Style::Bad, &text));
    }
    output::line(&format!("  waiting for {}", status.waiting_for));
    if let Some(stage) = &status.stage {
        output::line(&format!(
            "  {}: attempt {} of {}, {}{}",
            stage.name,
            stage.attempt,
            stage.max_attempts,
            stage.execution_status,
            stage.execution_url.as_ref().map(|url| format!(", {url}")).unwrap_or_default()
        ));
    }
    if let Some(failure) = &status.failure {
        let text = format!("  {} in {}: {}", failure.reason, failure.stage, failure.message_untrusted);
        output::line(&output::styled(Style::Bad, &text));
    }
    if let Some(found) = &status.validation {
        validate::show(found);
    }
    if let Some(approval) = &status.approval {
        output::line(&format!("  digest {}", approval.digest));
    }
    for message in &status.undelivered_messages {
        let why = message.error_untrusted.as_deref().map(visible).unwrap_or_default();
        let text =
            format!("  not told: {} to {} ({}): {why}", message.topic, message.address(), message.standing());
        output::line(&output::styled(Style::Bad, &text));
    }
    for caveat in &status.caveats {
        output::line(&output::styled(Style::Faint, &format!("  note: {caveat}")));
    }
    if let Some(timeline) = &status.timeline {
        let rows = timeline
            .iter()
            .map(|entry| {
                let attempts =
                    if entry.attempts > 1 { format!("{} attempts", entry.attempts) } else { String::new() };
                vec![
                    entry.state.clone(),
                    entry.entered_at.clone(),
                    entry.duration_ms.map(output::duration).unwrap_or_default(),
                    attempts,
                ]
            })
            .collect();
        output::table(&["state", "entered", "for", ""], rows);
    }
    Ok(())
}
