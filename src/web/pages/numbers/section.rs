//! One service in one environment: what it is in production, and how deployments got there.

use std::collections::BTreeSet;

use super::card::{Cell, Head, Place, Row, Table};
use super::filters::Filters;
use super::number::Number;
use super::production::Production;
use super::way::Way;
use crate::app::metrics::{DoraView, MetricsView, PipelineView, UsualView};
use crate::domain::metrics::cut::Course;

/// The numbers of one service in one environment.
pub(super) struct Section {
    pub(super) service: String,
    pub(super) environment: String,
    /// `None` where it is none of production, or nothing happened there.
    pub(super) production: Option<Production>,
    /// `None` where no deployment to it ended.
    pub(super) way: Option<Way>,
}

/// The services and environments of which there are numbers, in their order.
pub(super) fn names(view: &MetricsView) -> Vec<(String, String)> {
    let pipeline = view.pipeline.iter().map(|row| (row.service.clone(), row.environment.clone()));
    let dora = view.dora.iter().map(|row| (row.service.clone(), row.environment.clone()));
    pipeline.chain(dora).collect::<BTreeSet<_>>().into_iter().collect()
}

impl Section {
    /// Of this service in this environment. `order` is that of the stages.
    pub(super) fn of(
        (service, environment): &(String, String),
        course: &Course<MetricsView>,
        order: &[String],
    ) -> Self {
        let dora = |view| dora_of(view, service, environment);
        let pipeline = |view| pipeline_of(view, service, environment);
        let starts: Vec<String> = course.parts.iter().map(|part| part.from.clone()).collect();
        let place = Place { of: format!("{service} in {environment}"), starts: &starts };
        let production = dora(&course.whole).map(|whole| {
            let parts: Vec<Option<&DoraView>> = course.parts.iter().map(dora).collect();
            Production::of(whole, &parts, &place)
        });
        let way = pipeline(&course.whole).map(|whole| {
            let parts: Vec<Option<&PipelineView>> = course.parts.iter().map(pipeline).collect();
            Way::of(whole, &parts, order, &place)
        });
        Self { service: service.clone(), environment: environment.clone(), production, way }
    }
}

fn dora_of<'a>(view: &'a MetricsView, service: &str, environment: &str) -> Option<&'a DoraView> {
    view.dora.iter().find(|row| row.service == service && row.environment == environment)
}

fn pipeline_of<'a>(view: &'a MetricsView, service: &str, environment: &str) -> Option<&'a PipelineView> {
    view.pipeline.iter().find(|row| row.service == service && row.environment == environment)
}

const ENDED: &str = "Ended";
const TOTAL: &str = "Total";
const LEAD_TIME: &str = "Lead time";
const ARRIVED: &str = "Arrived";
const FAILED: &str = "Failed changes";
const RECOVERY: &str = "Recovery";
const REWORK: &str = "Rework";

/// All of them at a glance, each with the way to its charts. Of durations it is the median.
pub(super) fn overview(names: &[(String, String)], view: &MetricsView, filters: &Filters) -> Table {
    let rows = names.iter().map(|(service, environment)| {
        let link = filters.at(service, environment).to_string();
        let mut cells = of_pipeline(pipeline_of(view, service, environment));
        cells.extend(of_production(dora_of(view, service, environment)));
        Row { head: Head::Link(format!("{service} in {environment}"), link), cells }
    });
    Table {
        caption: "Each service in each environment".to_owned(),
        note: "",
        rows_are: "Service",
        columns: vec![ENDED, TOTAL, ARRIVED, LEAD_TIME, FAILED, RECOVERY, REWORK],
        rows: rows.collect(),
    }
}

fn of_pipeline(row: Option<&PipelineView>) -> Vec<Cell> {
    let total = row.and_then(|row| row.total);
    vec![
        Cell::of(ENDED, Number::count(row.map_or(0, |row| row.deployments))),
        Cell::of(TOTAL, total.map_or_else(|| Number::none("none"), |it| Number::duration(it.median_ms))),
    ]
}

/// Of a place that is none of production, or in which nothing happened, there is nothing to say.
fn of_production(row: Option<&DoraView>) -> Vec<Cell> {
    let Some(row) = row else {
        return [ARRIVED, LEAD_TIME, FAILED, RECOVERY, REWORK]
            .map(|column| Cell::of(column, Number::none("–")))
            .into();
    };
    let median = |spread: Option<UsualView>| {
        spread.map_or_else(|| Number::none("none"), |it| Number::duration(it.median_ms))
    };
    let rate = |rate: Option<f64>| rate.map_or_else(|| Number::none("none"), Number::rate);
    vec![
        Cell::of(ARRIVED, Number::count(row.deployment_frequency.deployments)),
        Cell::of(LEAD_TIME, median(row.change_lead_time.spread)),
        Cell::of(FAILED, rate(row.change_fail_rate.rate)),
        Cell::of(RECOVERY, median(row.failed_deployment_recovery_time.spread)),
        Cell::of(REWORK, rate(row.deployment_rework_rate.rate)),
    ]
}
