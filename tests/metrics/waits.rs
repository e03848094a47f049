//! How long people are waited for, and how much of that is outside of working hours.

use std::time::Duration;

use deployment_orchestrator::domain::calendar::{Calendar, Zone};
use deployment_orchestrator::domain::metrics::pipeline::{Pipeline, Pipelines};
use deployment_orchestrator::domain::metrics::spread::Spread;
use deployment_orchestrator::domain::metrics::story::{Answered, Asked, Outcome, Story};
use deployment_orchestrator::domain::metrics::window::{self, Window};
use deployment_orchestrator::domain::time::Timestamp;

use super::changes::{HOUR, deployment};

fn asked(
    requested: &str,
    seen: Option<&str>,
    decided: Option<&str>,
    triggered: Option<&str>,
    answer: Answered,
) -> Asked {
    let instant = |text: &str| Timestamp::parse(text).unwrap();
    Asked {
        environment: "prod".parse().unwrap(),
        requested_at: instant(requested),
        answer,
        seen_at: seen.map(instant),
        decided_at: decided.map(instant),
        triggered_at: triggered.map(instant),
    }
}

fn computed(hours: Option<&Calendar>) -> Pipeline {
    let story = Story {
        outcome: Outcome::Completed,
        ended_at: Some(Timestamp::parse("2026-11-16T12:00:00Z").unwrap()),
        approvals: vec![
            // Tuesday at four until Wednesday at ten.
            asked(
                "2026-11-10T16:00:00Z",
                None,
                Some("2026-11-11T10:00:00Z"),
                Some("2026-11-11T10:00:00Z"),
                Answered::Approved,
            ),
            // Friday at half past four until Monday at half past nine, first opened on Sunday at half
            // past four; an hour after the decision it was triggered.
            asked(
                "2026-11-13T16:30:00Z",
                Some("2026-11-15T16:30:00Z"),
                Some("2026-11-16T09:30:00Z"),
                Some("2026-11-16T10:30:00Z"),
                Answered::Approved,
            ),
            asked("2026-11-13T16:30:00Z", Some("2026-11-13T16:31:00Z"), None, None, Answered::Expired),
        ],
        ..deployment(1, "shop", "acme/shop", "aaaaaaa")
    };
    let mut pipelines = Pipelines::within(Window { from: Timestamp(0), until: Timestamp(i64::MAX) });
    pipelines.add(&story);
    pipelines.end(hours).remove(0)
}

#[test]
fn the_share_outside_of_working_hours_is_of_all_the_time_until_people_decided() {
    let zone = Zone::named("UTC").unwrap();
    let office = Calendar::cron("0 9 * * MON-FRI", zone, Duration::from_hours(8)).unwrap();
    let approvals = computed(Some(&office)).approvals;
    // 18 hours, of which 16 to 17 and 9 to 10 are inside: 16 outside. 65 hours, of which half an hour on
    // Friday and one on Monday are inside: 64 outside. What expired is no decision.
    assert_eq!((approvals.waited_ms, approvals.outside_hours_ms), (83 * HOUR, Some(80 * HOUR)));
    assert!((approvals.outside_hours().unwrap() - 80.0 / 83.0).abs() < 1e-9);
    assert_eq!(approvals.to_decision, Some(Spread { median_ms: 18 * HOUR, p90_ms: 65 * HOUR, count: 2 }));
    // Two days, and 17 hours: of the one request of which it is known.
    let one = |hours| Some(Spread { median_ms: hours * HOUR, p90_ms: hours * HOUR, count: 1 });
    assert_eq!((approvals.to_first_look, approvals.look_to_decision), (one(48), one(17)));
    assert_eq!(approvals.to_trigger, Some(Spread { median_ms: 0, p90_ms: HOUR, count: 2 }));
    assert_eq!((approvals.answers[&Answered::Approved], approvals.answers[&Answered::Expired]), (2, 1));
    assert_eq!(computed(None).approvals.outside_hours(), None, "nobody says when people work");
}

#[test]
fn a_window_is_a_span_that_ends_now() {
    assert_eq!(window::span("30d").unwrap(), window::USUAL);
    assert_eq!(window::span("2w").unwrap(), Duration::from_hours(14 * 24));
    assert_eq!(window::span("1d 12h").unwrap(), Duration::from_hours(36));
    for wrong in ["", "0d", "-1d", "30", "soon", "1 month", "900y"] {
        assert!(window::span(wrong).is_err(), "{wrong}");
    }
    let now = Timestamp(1_000_000);
    let window = Window::ending(now, Duration::from_secs(1));
    assert!(window.contains(now) && !window.contains(Timestamp(now.0 - 1_000)));
}
