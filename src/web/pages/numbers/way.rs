//! How the deployments of one service to one target went, on their whole way there.

use super::card::{Card, Cell, Fact, Head, Place, Row, Table, top_of};
use super::chart::Values;
use super::number::Number;
use super::production::median;
use super::scale::{self, Unit};
use crate::app::metrics::{ApprovalsView, PipelineView, StageTimesView, UsualView};
use crate::web::pages::text;

/// What the page shows of it.
pub(super) struct Way {
    pub(super) cards: Vec<Card>,
    /// Where the time goes, how it ends, what is tried again, how people are waited for; none that is empty.
    pub(super) tables: Vec<Table>,
    pub(super) table: Table,
}

impl Way {
    /// Of the window, and of its parts: `None` where nothing ended in one. `order` is that of the stages.
    pub(super) fn of(
        whole: &PipelineView,
        parts: &[Option<&PipelineView>],
        order: &[String],
        place: &Place<'_>,
    ) -> Self {
        let spreads = |of: fn(&PipelineView) -> Option<UsualView>| {
            Values::Spreads(parts.iter().map(|part| part.and_then(of)).collect())
        };
        let ended = parts
            .iter()
            .map(|part| part.map_or((0, 0), |it| (it.deployments - completed(it), it.deployments)));
        let cards = vec![
            outcomes_card(whole)
                .showing(&Values::Shares(ended.collect(), "not completed", "completed"), place),
            total(whole).showing(&spreads(|it| it.total), place),
            approval(&whole.approvals).showing(&spreads(|it| it.approvals.requested_to_decided), place),
        ];
        let tables =
            [stages(whole, order, place), outcomes(whole, place), waits(whole, place), retries(whole, place)];
        Self {
            cards,
            tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
            table: part_by_part(parts, place),
        }
    }
}

fn completed(it: &PipelineView) -> u32 {
    it.outcomes.iter().filter(|outcome| outcome.outcome == "completed").map(|outcome| outcome.count).sum()
}

fn outcomes_card(it: &PipelineView) -> Card {
    let facts = it.outcomes.iter().filter(|outcome| outcome.outcome == "completed");
    let facts = facts.map(|outcome| Fact::new("completed", Number::rate(outcome.rate)));
    let number = (Number::count(it.deployments), "ended");
    Card::new("Outcomes", number, facts.collect())
}

fn total(it: &PipelineView) -> Card {
    let facts = it.total.map(|spread| {
        vec![
            Fact::new("nine of ten", Number::duration(spread.p90_ms)),
            Fact::new("completed", Number::count(spread.count)),
        ]
    });
    Card::new("Total time", median(it.total, "none was completed"), facts.unwrap_or_default())
}

fn approval(it: &ApprovalsView) -> Card {
    let mut facts = Vec::new();
    if let Some(spread) = it.requested_to_decided {
        facts.push(Fact::new("nine of ten", Number::duration(spread.p90_ms)));
        facts.push(Fact::new("requests decided", Number::count(spread.count)));
    }
    if let Some(share) = it.outside_working_hours {
        facts.push(Fact::new("outside of working hours", Number::rate(share)));
    }
    for answer in it.answers.iter().filter(|answer| answer.answer != "approved") {
        facts.extend(Fact::if_any(unanswered(&answer.answer), answer.count));
    }
    let number = median(it.requested_to_decided, "nobody decided");
    Card::new("Approval wait", number, facts)
}

/// What became of a request that was not approved.
fn unanswered(answer: &str) -> &'static str {
    match answer {
        "rejected" => "rejected",
        "expired" => "expired",
        "voided" => "became void",
        "withdrawn" => "withdrawn",
        "open" => "open",
        _ => "ended before a decision",
    }
}

const QUEUE: &str = "Queue";
const RUN: &str = "Run";
const WAIT: &str = "Wait";
const TOTAL: &str = "Total";
const ATTEMPTS: &str = "Attempts";

fn stages(it: &PipelineView, order: &[String], place: &Place<'_>) -> Table {
    let mut stages: Vec<&StageTimesView> = it.stages.iter().collect();
    let known = |stage: &str| order.iter().position(|name| name == stage).unwrap_or(order.len());
    stages.sort_by_key(|it| known(&it.stage));
    let top = top_of(stages.iter().flat_map(|it| [it.queue, it.run, it.wait, it.total]));
    let cell = |column, spread: UsualView| {
        Cell::spread(column, Some(spread), "").with_bar((spread.median_ms, spread.p90_ms), top)
    };
    let rows = stages.into_iter().map(|it| Row {
        head: Head::Words(text::spoken(&it.stage)),
        cells: vec![
            cell(QUEUE, it.queue),
            cell(RUN, it.run),
            cell(WAIT, it.wait),
            cell(TOTAL, it.total),
            Cell::of(ATTEMPTS, Number::count(it.attempts)),
        ],
    });
    Table {
        caption: format!("Time per stage, median · nine of ten: {}", place.of),
        note: "Queue: nothing ran yet. Run: it was worked on. Wait: for a person or a timer.",
        rows_are: "Stage",
        columns: vec![QUEUE, RUN, WAIT, TOTAL, ATTEMPTS],
        rows: rows.collect(),
    }
}

const COUNT: &str = "Count";
const SHARE: &str = "Share";

fn outcomes(it: &PipelineView, place: &Place<'_>) -> Table {
    let rows = it.outcomes.iter().map(|outcome| {
        let reason = outcome.reason.as_deref().map(text::spoken).map(|reason| format!(": {reason}"));
        let (count, all) = (u64::from(outcome.count), u64::from(it.deployments));
        Row {
            head: Head::Words(text::spoken(&outcome.outcome) + &reason.unwrap_or_default()),
            cells: vec![
                Cell::of(COUNT, Number::count(outcome.count)).with_bar((count, count), all),
                Cell::of(SHARE, Number::rate(outcome.rate)),
            ],
        }
    });
    Table {
        caption: format!("Outcomes by reason: {}", place.of),
        note: "",
        rows_are: "Outcome",
        columns: vec![COUNT, SHARE],
        rows: rows.collect(),
    }
}

const AGAIN: &str = "Tried again";

fn retries(it: &PipelineView, place: &Place<'_>) -> Table {
    let counts: Vec<u64> = it.retries.iter().map(|retry| u64::from(retry.count)).collect();
    let top = scale::top(Unit::Count, &counts);
    let rows = it.retries.iter().map(|retry| {
        let by = if retry.asked_for { "a person, with RETRY" } else { "the engine" };
        let count = u64::from(retry.count);
        Row {
            head: Head::Words(format!("{}, by {by}", text::spoken(&retry.cause))),
            cells: vec![Cell::of(AGAIN, Number::count(retry.count)).with_bar((count, count), top)],
        }
    });
    Table {
        caption: format!("Retries by cause: {}", place.of),
        note: "",
        rows_are: "Cause of the failure before",
        columns: vec![AGAIN],
        rows: rows.collect(),
    }
}

const TIME: &str = "Median · nine of ten";
const KNOWN: &str = "Known of";

fn waits(it: &PipelineView, place: &Place<'_>) -> Table {
    let it = &it.approvals;
    let steps = [
        ("requested → first seen", it.requested_to_first_seen),
        ("first seen → decided", it.first_seen_to_decided),
        ("requested → decided", it.requested_to_decided),
        ("decided → triggered", it.decided_to_triggered),
    ];
    let asked: u32 = it.answers.iter().map(|answer| answer.count).sum();
    let top = top_of(steps.iter().filter_map(|(_, spread)| *spread));
    let rows = steps.into_iter().filter(|_| asked > 0).map(|(step, spread)| {
        let cell = Cell::spread(TIME, spread, "not known");
        let cell = match spread {
            Some(spread) => cell.with_bar((spread.median_ms, spread.p90_ms), top),
            None => cell,
        };
        let known = spread.map_or(0, |spread| spread.count);
        Row { head: Head::Words(step.to_owned()), cells: vec![cell, Cell::share(KNOWN, known, asked)] }
    });
    Table {
        caption: format!("Approval wait: {}", place.of),
        note: "When a request was first seen is not known of those that were answered elsewhere.",
        rows_are: "Step",
        columns: vec![TIME, KNOWN],
        rows: rows.collect(),
    }
}

const ENDED: &str = "Ended";
const NOT_COMPLETED: &str = "Not completed";
const TOTAL_TIME: &str = "Total, median · nine of ten";
const DECISION: &str = "Request to decision, median · nine of ten";

fn part_by_part(parts: &[Option<&PipelineView>], place: &Place<'_>) -> Table {
    let rows = parts.iter().zip(place.starts).map(|(part, start)| {
        let (ended, completed) = part.map_or((0, 0), |it| (it.deployments, completed(it)));
        let cells = vec![
            Cell::of(ENDED, Number::count(ended)),
            Cell::share(NOT_COMPLETED, ended - completed, ended),
            Cell::spread(TOTAL_TIME, part.and_then(|it| it.total), "none completed"),
            Cell::spread(DECISION, part.and_then(|it| it.approvals.requested_to_decided), "none decided"),
        ];
        Row { head: Head::From(start.clone()), cells }
    });
    Table {
        caption: format!("On the way there, part by part: {}", place.of),
        note: "",
        rows_are: "From",
        columns: vec![ENDED, NOT_COMPLETED, TOTAL_TIME, DECISION],
        rows: rows.collect(),
    }
}
