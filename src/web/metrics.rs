//! `/metrics`, in the text format of OpenMetrics: what is going on, and how well
//! deploying goes by the history of the last 30 days.
//!
//! Numbers about deployments are computed from the database when somebody asks, so that
//! they are the same whichever process is asked, and after every restart. They are
//! gauges, because what is in a window may get less. What this process has counted as
//! it happened stands in [`counted`].

mod counted;

use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::app::metrics::{DoraView, MetricsRequest, MetricsView, PipelineView, UsualView};
use crate::app::{App, Error};
use crate::pulse::Pulse;
use crate::tally::Tally;

use counted::Counted;

/// What the format is called.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is seen from here.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) app: App,
    pub(super) pulse: Pulse,
    pub(super) tally: Tally,
}

/// All numbers. 503 while they cannot be read.
pub(super) async fn expose(State(seen): State<Seen>) -> Response {
    match page(&seen).await {
        Ok(page) => ([(CONTENT_TYPE, OPEN_METRICS)], page).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.message)).into_response(),
    }
}

async fn page(seen: &Seen) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("deployment_orchestrator");
    operations(&mut registry, seen).await?;
    let view = seen.app.metrics(MetricsRequest::default()).await?;
    pipeline(&mut registry, &view);
    dora(&mut registry, &view);
    registry.register_collector(Box::new(Counted(seen.tally.counts())));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes whatever is written to it");
    Ok(text)
}

type Labels = Vec<(&'static str, String)>;

/// A number for each set of labels.
struct Numbers(Family<Labels, Gauge<f64, AtomicU64>>);

impl Numbers {
    fn new(registry: &mut Registry, name: &str, help: &str) -> Self {
        let family = Family::default();
        registry.register(name, help, family.clone());
        Self(family)
    }

    fn seconds(registry: &mut Registry, name: &str, help: &str) -> Self {
        let family = Family::default();
        registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        Self(family)
    }

    fn set(&self, labels: Labels, value: f64) {
        self.0.get_or_create(&labels).set(value);
    }

    /// A half and nine of ten; `quantile` is a word that only summaries may use. Of what is not known there
    /// is no line.
    fn set_spread(&self, labels: &Labels, spread: Option<UsualView>) {
        let Some(UsualView { median_ms, p90_ms, .. }) = spread else { return };
        for (percentile, ms) in [("50", median_ms), ("90", p90_ms)] {
            let labels = with(labels, "percentile", percentile);
            self.set(labels, in_seconds(ms));
        }
    }
}

fn with(labels: &Labels, name: &'static str, value: &str) -> Labels {
    labels.iter().cloned().chain([(name, value.to_owned())]).collect()
}

#[expect(clippy::cast_precision_loss, reason = "no duration is so long that a millisecond would be lost")]
fn in_seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

async fn operations(registry: &mut Registry, seen: &Seen) -> Result<(), Error> {
    let (now, (operations, driver)) = (seen.app.clock.now(), seen.app.operations().await?);
    let in_flight = Numbers::new(registry, "in_flight", "Deployments under way, by state");
    for (state, count) in &operations.in_flight {
        in_flight.set(vec![("state", state.clone())], f64::from(*count));
    }
    Numbers::new(registry, "messages_waiting", "Notices to be routed, and messages to be delivered")
        .set(Vec::new(), f64::from(operations.waiting));
    let age = operations.oldest_waiting.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
    Numbers::seconds(registry, "oldest_message_age", "Age of what the oldest of them tells")
        .set(Vec::new(), age);
    #[expect(clippy::cast_precision_loss, reason = "no database has so many bytes")]
    let bytes = operations.database_bytes as f64;
    Numbers::new(registry, "database_bytes", "Size of the database").set(Vec::new(), bytes);
    let pulse = seen.pulse.age().as_secs_f64();
    Numbers::seconds(registry, "tick_age", "Time since a pass of this process's engine ended well")
        .set(Vec::new(), pulse);
    let lease =
        Numbers::seconds(registry, "lease_left", "For how long the process that drives may, by holder");
    if let Some(driver) = driver {
        lease.set(vec![("holder", driver.holder)], driver.until.since(now).as_secs_f64());
    }
    Ok(())
}

fn pipeline(registry: &mut Registry, view: &MetricsView) {
    let ended = Numbers::new(registry, "ended", "Deployments that ended in 30 days, by outcome and reason");
    let total = Numbers::seconds(registry, "total", "Time under way of completed deployments");
    let stages = Numbers::seconds(registry, "stage", "Time in a stage: queue, run and wait");
    let attempts = Numbers::new(registry, "stage_attempts", "Attempts at a stage");
    let retries = Numbers::new(registry, "retries", "What was tried again, by cause");
    let approval =
        Numbers::seconds(registry, "approval", "Time from request to decision, and to the trigger");
    let decided = Numbers::new(
        registry,
        "approvals_decided",
        "Requests that people decided, by whether it is known when they were first opened",
    );
    let outside = Numbers::new(
        registry,
        "approval_outside_working_hours_ratio",
        "Share of the time from request to decision outside of working hours",
    );
    for row in &view.pipeline {
        let PipelineView { service, environment, .. } = row;
        let labels = vec![("service", service.clone()), ("environment", environment.clone())];
        for it in &row.outcomes {
            let labels = with(&labels, "outcome", &it.outcome);
            ended.set(with(&labels, "reason", it.reason.as_deref().unwrap_or_default()), f64::from(it.count));
        }
        total.set_spread(&labels, row.total);
        for it in &row.stages {
            let labels = with(&labels, "stage", &it.stage);
            attempts.set(labels.clone(), f64::from(it.attempts));
            for (part, spread) in [("queue", it.queue), ("run", it.run), ("wait", it.wait)] {
                stages.set_spread(&with(&labels, "part", part), Some(spread));
            }
        }
        for it in &row.retries {
            let by = if it.asked_for { "person" } else { "engine" };
            retries.set(with(&with(&labels, "cause", &it.cause), "by", by), f64::from(it.count));
        }
        let asked = &row.approvals;
        approval.set_spread(&with(&labels, "part", "decision"), asked.requested_to_decided);
        approval.set_spread(&with(&labels, "part", "first-seen"), asked.requested_to_first_seen);
        approval.set_spread(&with(&labels, "part", "seen-to-decision"), asked.first_seen_to_decided);
        approval.set_spread(&with(&labels, "part", "trigger"), asked.decided_to_triggered);
        if let Some(UsualView { count, .. }) = asked.requested_to_decided {
            let known = asked.first_seen_known;
            for (word, part) in [("known", known), ("unknown", count.saturating_sub(known))] {
                decided.set(with(&labels, "first_seen", word), f64::from(part));
            }
        }
        if let Some(share) = asked.outside_working_hours {
            outside.set(labels, share);
        }
    }
}

fn dora(registry: &mut Registry, view: &MetricsView) {
    let lead = Numbers::seconds(registry, "change_lead_time", "DORA: from commit to production");
    let unknown = Numbers::new(registry, "commits_of_unknown_time", "Commits without a lead time");
    let deployments =
        Numbers::new(registry, "production_deployments", "DORA: changes that arrived in 30 days");
    let fail = Numbers::new(registry, "change_fail_ratio", "DORA: change fail rate");
    let recovery =
        Numbers::seconds(registry, "failed_deployment_recovery", "DORA: failed deployment recovery time");
    let open = Numbers::new(registry, "unrecovered_failures", "Failed changes that are not recovered from");
    let rework = Numbers::new(registry, "deployment_rework_ratio", "DORA: deployment rework rate");
    for row in &view.dora {
        let DoraView { service, environment, .. } = row;
        let labels = vec![("service", service.clone()), ("environment", environment.clone())];
        lead.set_spread(&labels, row.change_lead_time.spread);
        unknown.set(labels.clone(), f64::from(row.change_lead_time.unknown));
        deployments.set(labels.clone(), f64::from(row.deployment_frequency.deployments));
        if let Some(rate) = row.change_fail_rate.rate {
            fail.set(labels.clone(), rate);
        }
        recovery.set_spread(&labels, row.failed_deployment_recovery_time.spread);
        open.set(labels.clone(), f64::from(row.failed_deployment_recovery_time.unrecovered));
        if let Some(rate) = row.deployment_rework_rate.rate {
            rework.set(labels, rate);
        }
    }
}
