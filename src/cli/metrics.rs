//! `metrics`: how well deploying goes, by the history alone.

use std::time::Duration;

use super::{Global, metrics_export, output, wiring};
use crate::app::metrics::{DoraView, MetricsRequest, MetricsView, PipelineView, UsualView};
use crate::app::{App, Error};
use crate::domain::time::in_words;

/// What to look at.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Metrics {
    #[command(subcommand)]
    command: Option<MetricsCommand>,
    /// How far back, such as 30d, 2w or 12h.
    #[arg(long, default_value = "30d", value_name = "SPAN")]
    window: String,
    /// Only of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only of this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Print CSV: one number a line.
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, clap::Subcommand)]
enum MetricsCommand {
    /// Compare what is kept for metrics with what the history tells.
    Verify,
    /// Make what is kept for metrics anew from the history.
    Rebuild,
    /// Print what numbers are made of, as CSV that `import` takes elsewhere.
    #[command(subcommand)]
    Export(metrics_export::Rows),
}

pub(super) async fn run(global: &Global, metrics: Metrics) -> Result<(), Error> {
    let app = wiring::app(global)?;
    match metrics.command {
        Some(MetricsCommand::Verify) => return verified(global, &app, "the same").await,
        Some(MetricsCommand::Rebuild) => {
            app.rebuild_metrics().await?;
            return verified(global, &app, "made anew").await;
        }
        Some(MetricsCommand::Export(rows)) => return metrics_export::run(global, &app, rows).await,
        None => {}
    }
    let Metrics { window, service, environment, csv, .. } = metrics;
    let view = app.metrics(MetricsRequest { window: Some(window), service, environment }).await?;
    if global.json {
        return output::json(&view);
    }
    if csv {
        return super::metrics_csv::print(&view);
    }
    show(&view);
    Ok(())
}

async fn verified(global: &Global, app: &App, what: &str) -> Result<(), Error> {
    let verified = app.verify_metrics().await?;
    if global.json {
        return output::json(&verified);
    }
    output::line(&format!("{what}: the stories of {} deployments", verified.deployments));
    Ok(())
}

fn show(view: &MetricsView) {
    output::line(&format!("from {} until {}", view.from, view.until));
    if view.pipeline.is_empty() && view.dora.is_empty() {
        output::line("nothing ended");
    }
    for row in &view.pipeline {
        pipeline(row);
    }
    if !view.dora.is_empty() {
        let header =
            ["service", "environment", "deployments", "lead time", "fail rate", "recovery", "rework"];
        output::line("\nDORA (median, nine of ten, count)");
        output::table(&header, view.dora.iter().map(dora).collect());
    }
    if view.incidents_of_no_deployment > 0 {
        output::note(&format!("{} incidents belong to no deployment", view.incidents_of_no_deployment));
    }
    if view.imported_deployments > 0 {
        output::note(&format!("{} deployments are imported", view.imported_deployments));
    }
    if view.deployments_without_story > 0 {
        let count = view.deployments_without_story;
        output::note(&format!("{count} deployments are missing: their records cannot be followed"));
    }
}

fn pipeline(row: &PipelineView) {
    output::line(&format!("\n{} to {}: {} deployments", row.service, row.environment, row.deployments));
    for outcome in &row.outcomes {
        let reason = outcome.reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"));
        output::line(&format!("  {} {}{reason} ({})", outcome.count, outcome.outcome, percent(outcome.rate)));
    }
    if let Some(total) = row.total {
        output::line(&format!("  completed in {}", spread(total)));
    }
    let stages = row.stages.iter().map(|it| {
        let times = [it.queue, it.run, it.wait, it.total].map(spread);
        std::iter::once(it.stage.clone()).chain(times).chain([it.attempts.to_string()]).collect()
    });
    output::table(&["stage", "queue", "run", "wait", "total", "attempts"], stages.collect());
    for retry in &row.retries {
        let by = if retry.asked_for { "when somebody asked" } else { "by itself" };
        output::line(&format!("  tried again {} times {by} after {}", retry.count, retry.cause));
    }
    let asked = &row.approvals;
    if let Some(wait) = asked.requested_to_decided {
        let outside = asked
            .outside_working_hours
            .map_or_else(String::new, |share| format!(", {} of it outside of working hours", percent(share)));
        output::line(&format!("  people decided in {}{outside}", spread(wait)));
    }
    if let (Some(until), Some(since)) = (asked.requested_to_first_seen, asked.first_seen_to_decided) {
        output::line(&format!(
            "  of which until it was first opened {}, and since then {}",
            spread(until),
            spread(since)
        ));
    } else if asked.requested_to_decided.is_some() {
        output::line("  when they first saw the request is not known");
    }
    if let Some(wait) = asked.decided_to_triggered {
        output::line(&format!("  the trigger followed in {}", spread(wait)));
    }
}

fn dora(row: &DoraView) -> Vec<String> {
    let unknown = |spread: Option<UsualView>| spread.map_or_else(|| "unknown".to_owned(), self::spread);
    let lead = &row.change_lead_time;
    let by = match (lead.by_commit, lead.by_head_commit) {
        (_, 0) => "by commit".to_owned(),
        (0, _) => "by head commit".to_owned(),
        (commits, heads) => format!("{commits} by commit, {heads} by head commit"),
    };
    let missing = if lead.unknown > 0 { format!("; {} unknown", lead.unknown) } else { String::new() };
    let rate = |rate: Option<f64>| rate.map_or_else(|| "unknown".to_owned(), percent);
    let recovery = &row.failed_deployment_recovery_time;
    let open =
        if recovery.unrecovered > 0 { format!("; {} not over", recovery.unrecovered) } else { String::new() };
    vec![
        row.service.clone(),
        row.environment.clone(),
        format!("{} ({} a day)", row.deployment_frequency.deployments, row.deployment_frequency.per_day),
        format!("{}, {by}{missing}", unknown(lead.spread)),
        format!("{} of {}", rate(row.change_fail_rate.rate), row.change_fail_rate.changes),
        format!("{}{open}", unknown(recovery.spread)),
        format!("{} of {}", rate(row.deployment_rework_rate.rate), row.deployment_rework_rate.deployments),
    ]
}

fn spread(UsualView { median_ms, p90_ms, count }: UsualView) -> String {
    let said = |ms| in_words(Duration::from_millis(ms));
    format!("{} / {} ({count})", said(median_ms), said(p90_ms))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
