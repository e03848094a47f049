//! `get_metrics`

use std::time::Duration;

use super::summary::Summary;
use super::tool::{Caller, Card, Hints, Tool};
use crate::app::Error;
use crate::app::metrics::{DoraView, MetricsRequest, MetricsView, PipelineView, UsualView};
use crate::domain::time::in_words;

/// The tool.
pub(super) struct GetMetrics;

impl Tool for GetMetrics {
    const CARD: Card = Card {
        name: "get_metrics",
        title: "How well deploying goes",
        description: "Show numbers computed from the recorded history, for each service and environment: how long deployments take and where the time goes, retries by cause, outcomes by reason, how long people are waited for, and the five DORA metrics. Durations are milliseconds; what is absent is not known. Changes nothing.",
        hints: Hints::LOOKS,
    };

    type Arguments = MetricsRequest;
    type Answer = MetricsView;

    async fn call(caller: &Caller<'_>, arguments: MetricsRequest) -> Result<MetricsView, Error> {
        caller.app.metrics(arguments).await
    }
}

/// Rows that are said; the others stand in the structured content.
const ROWS_SAID: usize = 10;

impl Summary for MetricsView {
    fn summary(&self) -> String {
        if self.pipeline.is_empty() && self.dora.is_empty() {
            return format!("No deployment ended between {} and {}.", self.from, self.until);
        }
        let pipeline = self.pipeline.iter().map(PipelineView::summary);
        let said: Vec<String> =
            pipeline.chain(self.dora.iter().map(DoraView::summary)).take(ROWS_SAID).collect();
        format!("Since {}: {}", self.from, said.join(" "))
    }
}

impl PipelineView {
    fn summary(&self) -> String {
        let outcomes: Vec<String> =
            self.outcomes.iter().map(|outcome| format!("{} {}", outcome.count, outcome.outcome)).collect();
        let took = self.total.map_or_else(String::new, |total| {
            format!(
                "; half of the completed took at most {}",
                in_words(Duration::from_millis(total.median_ms))
            )
        });
        format!("{} to {}: {}{took}.", self.service, self.environment, outcomes.join(", "))
    }
}

impl DoraView {
    fn summary(&self) -> String {
        let percent = |rate: Option<f64>| {
            rate.map_or_else(|| "unknown".to_owned(), |rate| format!("{:.0} %", rate * 100.0))
        };
        let median = |spread: Option<UsualView>| {
            spread.map_or_else(|| "unknown".to_owned(), |it| in_words(Duration::from_millis(it.median_ms)))
        };
        format!(
            "{} in {}: {} deployments, lead time {}, change fail rate {}, recovery {}, rework {}.",
            self.service,
            self.environment,
            self.deployment_frequency.deployments,
            median(self.change_lead_time.spread),
            percent(self.change_fail_rate.rate),
            median(self.failed_deployment_recovery_time.spread),
            percent(self.deployment_rework_rate.rate),
        )
    }
}
