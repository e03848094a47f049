//! Freezes and windows at their edges, and several at once.

use std::time::Duration;

use deployment_orchestrator::domain::calendar::Calendar;
use deployment_orchestrator::domain::freeze::{Freeze, FreezeState, state_at};

use super::world::{at, cron, freeze, holds, once, prod, said, window, zone};

#[test]
fn a_start_is_inside_and_an_end_is_not() {
    let freezes = [freeze("holidays", once("2026-12-18T18:00Z", "2027-01-04T08:00Z"))];
    holds(
        &freezes,
        &[
            ("2026-12-18T17:59:59.999Z", "open until 2026-12-18T18:00"),
            ("2026-12-18T18:00Z", "frozen by holidays until 2027-01-04T08:00"),
            ("2027-01-04T07:59:59.999Z", "frozen by holidays until 2027-01-04T08:00"),
            ("2027-01-04T08:00Z", "open until further than anybody looks"),
        ],
    );
}

/// argo-cd#5590
#[test]
fn a_freeze_blocks_nothing_outside_its_time() {
    let freezes = [freeze("weekend", cron("0 18 * * FRI", "Europe/Berlin", 62))];
    holds(
        &freezes,
        &[
            ("2026-07-01T12:00+02:00", "open until 2026-07-03T18:00"),
            ("2026-07-03T17:59+02:00", "open until 2026-07-03T18:00"),
            ("2026-07-05T12:00+02:00", "frozen by weekend until 2026-07-06T08:00"),
            ("2026-07-06T08:00+02:00", "open until 2026-07-10T18:00"),
        ],
    );
}

/// argo-cd#21692
#[test]
fn what_waits_may_go_on_at_the_very_instant_that_it_was_told() {
    let freezes = [
        freeze("weekend", cron("0 18 * * FRI", "Europe/Berlin", 62)),
        freeze("summit", once("2026-07-06T06:00Z", "2026-07-06T10:30Z")),
        window("hours", cron("0 9 * * MON-FRI", "Europe/Berlin", 8)),
    ];
    let waits = at("2026-07-04T00:00Z");
    let FreezeState::Frozen { until: Some(until), .. } = state_at(&freezes, &prod(), waits) else {
        panic!("it is the weekend");
    };
    assert_eq!(until, at("2026-07-06T12:30+02:00"));
    assert!(matches!(state_at(&freezes, &prod(), until), FreezeState::Open { .. }));
    let just_before = until.minus(Duration::from_millis(1));
    assert!(matches!(state_at(&freezes, &prod(), just_before), FreezeState::Frozen { .. }));
}

#[test]
fn one_window_must_be_open_and_any_freeze_wins() {
    let freezes = [
        window("morning", cron("0 9 * * *", "UTC", 3)),
        window("noon", cron("0 11 * * *", "UTC", 4)),
        window("evening", cron("0 18 * * *", "UTC", 1)),
        freeze("lunch", cron("0 12 * * *", "UTC", 1)),
        freeze("audit", cron("30 12 * * *", "UTC", 1)),
    ];
    let all = "morning and noon and evening";
    holds(
        &freezes,
        &[
            ("2026-07-01T08:00Z", &format!("frozen by {all} until 2026-07-01T09:00")),
            ("2026-07-01T09:00Z", "open until 2026-07-01T12:00"),
            ("2026-07-01T12:00Z", "frozen by lunch until 2026-07-01T13:30"),
            ("2026-07-01T12:45Z", "frozen by lunch and audit until 2026-07-01T13:30"),
            ("2026-07-01T13:30Z", "open until 2026-07-01T15:00"),
            ("2026-07-01T19:00Z", &format!("frozen by {all} until 2026-07-02T09:00")),
        ],
    );
    // Nobody closes at the change from one window to the next.
    let touching = [window("a", cron("0 9 * * *", "UTC", 2)), window("b", cron("0 11 * * *", "UTC", 2))];
    assert_eq!(said(&touching, "2026-07-01T10:00Z"), "open until 2026-07-01T13:00");
}

#[test]
fn a_freeze_binds_only_what_it_covers() {
    let freezes = [freeze("always", once("2026-01-01T00:00Z", "2028-01-01T00:00Z"))];
    let staging = "staging".parse().unwrap();
    let noon = at("2026-07-01T12:00Z");
    assert!(matches!(state_at(&freezes, &staging, noon), FreezeState::Open { closes_at: None }));
    assert_eq!(said(&freezes, "2026-07-01T12:00Z"), "frozen by always until further than anybody looks");
}

#[test]
fn who_may_override_one_freeze_may_not_override_another() {
    let naming = |freeze: Freeze, names: &[&str]| Freeze {
        overridable_by: names.iter().map(|name| name.parse().unwrap()).collect(),
        ..freeze
    };
    let freezes = [
        naming(freeze("lunch", cron("0 12 * * *", "UTC", 1)), &["dana", "erin"]),
        naming(freeze("audit", cron("30 12 * * *", "UTC", 1)), &["erin"]),
    ];
    let passes = |name: &str, instant: &str| {
        state_at(&freezes, &prod(), at(instant)).lets_through(&name.parse().unwrap())
    };
    let table = [("2026-07-01T12:00Z", [true, true, false]), ("2026-07-01T12:30Z", [false, true, false])];
    for (instant, expected) in table {
        assert_eq!(["dana", "erin", "mallory"].map(|name| passes(name, instant)), expected, "{instant}");
    }
    assert!(passes("mallory", "2026-07-01T11:00Z"), "nothing forbids it");
}

#[test]
fn nobody_looks_for_ever() {
    // 35,000 in a year, each touching the next.
    let quarter = Calendar::cron("*/15 * * * *", zone("UTC"), Duration::from_mins(15)).unwrap();
    assert_eq!(
        said(&[freeze("always", quarter)], "2026-07-01T12:01Z"),
        "frozen by always until further than anybody looks"
    );
    // The next 29 February is further away than a year.
    let leap = cron("0 0 29 2 *", "UTC", 24);
    assert_eq!(said(&[freeze("leap", leap)], "2026-07-01T12:00Z"), "open until further than anybody looks");
}
