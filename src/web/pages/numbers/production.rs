//! The five numbers of DORA of one service in one environment of production.

use super::card::{Card, Cell, Fact, Head, Place, Row, Table};
use super::chart::Values;
use super::number::Number;
use crate::app::metrics::{DoraView, LeadTimeView, RateView, RecoveryView, ReworkView, UsualView};

/// What the page shows of it.
pub(super) struct Production {
    pub(super) cards: Vec<Card>,
    pub(super) table: Table,
}

impl Production {
    /// Of the window, and of its parts: `None` where nothing happened in one.
    pub(super) fn of(whole: &DoraView, parts: &[Option<&DoraView>], place: &Place<'_>) -> Self {
        let spreads = |of: fn(&DoraView) -> Option<UsualView>| {
            Values::Spreads(parts.iter().map(|part| part.and_then(of)).collect())
        };
        let shares = |of: fn(&DoraView) -> (u32, u32), these, others| {
            Values::Shares(parts.iter().map(|part| part.map_or((0, 0), of)).collect(), these, others)
        };
        let deployments = parts.iter().map(|part| part.map_or(0, |it| it.deployment_frequency.deployments));
        let rate = |it: &DoraView| (it.change_fail_rate.failed, it.change_fail_rate.changes);
        let rework =
            |it: &DoraView| (reworked(&it.deployment_rework_rate), it.deployment_rework_rate.deployments);
        let cards = vec![
            lead_time(&whole.change_lead_time).showing(&spreads(|it| it.change_lead_time.spread), place),
            frequency(whole).showing(&Values::Counts(deployments.collect()), place),
            fail_rate(&whole.change_fail_rate).showing(&shares(rate, "failed", "did not fail"), place),
            recovery(&whole.failed_deployment_recovery_time)
                .showing(&spreads(|it| it.failed_deployment_recovery_time.spread), place),
            rework_rate(&whole.deployment_rework_rate)
                .showing(&shares(rework, "rework", "anything else"), place),
        ];
        Self { cards, table: table(parts, place) }
    }
}

fn lead_time(it: &LeadTimeView) -> Card {
    let facts = [
        it.spread.map(|spread| Fact::new("nine of ten", Number::duration(spread.p90_ms))),
        Fact::if_any("by commit", it.by_commit),
        Fact::if_any("by head commit alone", it.by_head_commit),
        Fact::if_any("of unknown time", it.unknown),
    ];
    Card::new("Change lead time", median(it.spread, no_lead_time(it)), facts.into_iter().flatten().collect())
}

fn no_lead_time(it: &LeadTimeView) -> &'static str {
    if it.unknown > 0 { "not known" } else { "no new commit" }
}

fn frequency(whole: &DoraView) -> Card {
    let it = &whole.deployment_frequency;
    let between = |of: fn(UsualView) -> u64| it.between.map(|spread| Number::duration(of(spread)));
    let facts = [
        Some(Fact::new("on a day", Number::per_day(it.per_day))),
        between(|it| it.median_ms).map(|median| Fact::new("apart, median", median)),
        between(|it| it.p90_ms).map(|p90| Fact::new("nine of ten", p90)),
    ];
    let number = (Number::count(it.deployments), "arrived");
    Card::new("Deployment frequency", number, facts.into_iter().flatten().collect())
}

fn fail_rate(it: &RateView) -> Card {
    let facts = [
        Some(Fact::new("failed", Number::count(it.failed))),
        Some(Fact::new("changes", Number::count(it.changes))),
        Fact::if_any("by rollout", it.by_rollout),
        Fact::if_any("by rollback", it.by_rollback),
        Fact::if_any("by hotfix", it.by_hotfix),
        Fact::if_any("by incident", it.by_incident),
    ];
    Card::new("Change fail rate", rate(it.rate, "of changes"), facts.into_iter().flatten().collect())
}

fn recovery(it: &RecoveryView) -> Card {
    let facts = [
        it.spread.map(|spread| Fact::new("nine of ten", Number::duration(spread.p90_ms))),
        it.spread.map(|spread| Fact::new("recovered", Number::count(spread.count))),
        Fact::if_any("not over", it.unrecovered),
    ];
    let number = median(it.spread, no_recovery(it));
    Card::new("Failed deployment recovery time", number, facts.into_iter().flatten().collect())
}

fn no_recovery(it: &RecoveryView) -> &'static str {
    if it.unrecovered > 0 { "not over yet" } else { "nothing failed" }
}

fn rework_rate(it: &ReworkView) -> Card {
    let facts = [
        Some(Fact::new("hotfixes", Number::count(it.hotfixes))),
        Some(Fact::new("put back", Number::count(it.rollbacks))),
        Some(Fact::new("deployed and put back", Number::count(it.deployments))),
    ];
    let number = rate(it.rate, "was rework");
    Card::new("Deployment rework rate", number, facts.into_iter().flatten().collect())
}

fn reworked(it: &ReworkView) -> u32 {
    it.hotfixes + it.rollbacks
}

/// A median, or why there is none.
pub(super) fn median(spread: Option<UsualView>, why_none: &str) -> (Number, &'static str) {
    match spread {
        Some(spread) => (Number::duration(spread.median_ms), "median"),
        None => (Number::none(why_none), ""),
    }
}

fn rate(rate: Option<f64>, meaning: &'static str) -> (Number, &'static str) {
    match rate {
        Some(rate) => (Number::rate(rate), meaning),
        None => (Number::none("nothing arrived"), ""),
    }
}

const ARRIVED: &str = "Arrived";
const LEAD_TIME: &str = "Lead time, median · nine of ten";
const FAILED: &str = "Failed changes";
const RECOVERY: &str = "Recovery, median · nine of ten";
const OPEN: &str = "Not over";
const REWORK: &str = "Rework";

fn table(parts: &[Option<&DoraView>], place: &Place<'_>) -> Table {
    let rows = parts.iter().zip(place.starts).map(|(part, start)| {
        let cells = part.map_or_else(nothing, |it| {
            vec![
                Cell::of(ARRIVED, Number::count(it.deployment_frequency.deployments)),
                Cell::spread(LEAD_TIME, it.change_lead_time.spread, no_lead_time(&it.change_lead_time)),
                Cell::share(FAILED, it.change_fail_rate.failed, it.change_fail_rate.changes),
                Cell::spread(
                    RECOVERY,
                    it.failed_deployment_recovery_time.spread,
                    no_recovery(&it.failed_deployment_recovery_time),
                ),
                Cell::of(OPEN, Number::count(it.failed_deployment_recovery_time.unrecovered)),
                Cell::share(
                    REWORK,
                    reworked(&it.deployment_rework_rate),
                    it.deployment_rework_rate.deployments,
                ),
            ]
        });
        Row { head: Head::From(start.clone()), cells }
    });
    Table {
        caption: format!("In production, part by part: {}", place.of),
        note: "",
        rows_are: "From",
        columns: vec![ARRIVED, LEAD_TIME, FAILED, RECOVERY, OPEN, REWORK],
        rows: rows.collect(),
    }
}

/// A part in which nothing happened to production.
fn nothing() -> Vec<Cell> {
    vec![
        Cell::of(ARRIVED, Number::count(0)),
        Cell::of(LEAD_TIME, Number::none("no new commit")),
        Cell::share(FAILED, 0, 0),
        Cell::of(RECOVERY, Number::none("nothing failed")),
        Cell::of(OPEN, Number::count(0)),
        Cell::share(REWORK, 0, 0),
    ]
}
