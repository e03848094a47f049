//! Recurrence rules: on which days, however long ago they began.

use deployment_orchestrator::domain::calendar::Calendar;
use proptest::prelude::*;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::world::{at, freeze, rule, turns};

/// The days from one to the other on which it starts in UTC.
fn days(when: Calendar, from: &str, to: &str) -> Vec<String> {
    let turns = turns(&[freeze("it", when)], at(from), at(to));
    turns.iter().step_by(2).map(|start| start.to_rfc3339()[..10].to_owned()).collect()
}

fn of(text: &str, first: &str, from: &str, to: &str) -> String {
    let day = |day: &str| format!("{day}T00:00Z");
    days(rule(text, &format!("{first}T12:00"), "UTC"), &day(from), &day(to)).join(" ")
}

#[test]
fn months_and_years_have_the_ends_that_they_have() {
    let table = [
        // 29 February, and no other day in other years.
        ("FREQ=YEARLY", "2024-02-29", "2031-06-01", "2032-06-01", "2032-02-29"),
        ("FREQ=YEARLY", "2024-02-29", "2032-06-01", "2033-05-01", ""),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "2024-01-01", "2027-01-01", "2027-06-01", "2027-02-28"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "2024-01-01",
            "2027-01-01",
            "2027-09-01",
            "2027-01-31 2027-03-31 2027-05-31 2027-07-31 2027-08-31",
        ),
        ("FREQ=MONTHLY", "2024-01-31", "2027-02-01", "2027-06-01", "2027-03-31 2027-05-31"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "2024-01-01",
            "2028-01-01",
            "2028-05-01",
            "2028-01-31 2028-02-29 2028-03-31 2028-04-30",
        ),
        (
            "FREQ=MONTHLY;BYDAY=1MO",
            "2024-01-01",
            "2026-08-01",
            "2026-11-01",
            "2026-08-03 2026-09-07 2026-10-05",
        ),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2024-01-01", "2026-08-01", "2026-10-01", "2026-08-28 2026-09-25"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2020-01-01", "2026-01-01", "2026-12-31", "2026-11-26"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "2020-01-01",
            "2026-01-01",
            "2026-04-01",
            "2026-01-30 2026-02-27 2026-03-31",
        ),
        // A first day that the rule does not name is none.
        ("FREQ=WEEKLY;BYDAY=FR", "2026-07-01", "2026-06-01", "2026-07-12", "2026-07-03 2026-07-10"),
    ];
    for (text, first, from, to, expected) in table {
        assert_eq!(of(text, first, from, to), expected, "{text} from {first}");
    }
}

#[test]
fn a_rule_ends_where_it_says() {
    let counted = "FREQ=WEEKLY;COUNT=3";
    assert_eq!(of(counted, "2026-06-01", "2026-05-01", "2026-12-01"), "2026-06-01 2026-06-08 2026-06-15");
    assert_eq!(of(counted, "2026-06-01", "2026-06-14", "2026-12-01"), "2026-06-15");
    // The end is an instant, and itself inside.
    for (until, expected) in [("T120000Z", "2026-06-08 2026-06-15"), ("T115959Z", "2026-06-08")] {
        let text = format!("FREQ=WEEKLY;UNTIL=20260615{until}");
        assert_eq!(of(&text, "2026-06-01", "2026-06-02", "2026-12-01"), expected, "{until}");
    }
}

#[test]
fn an_end_in_utc_is_not_one_on_the_clocks() {
    // 23:00 in Berlin is 21:00 UTC in summer.
    for (until, expected) in [("20260615T210000Z", "2026-06-15"), ("20260615T205959Z", "")] {
        let when = rule(&format!("FREQ=DAILY;UNTIL={until}"), "2026-06-01T23:00", "Europe/Berlin");
        assert_eq!(days(when, "2026-06-15T00:00Z", "2026-06-20T00:00Z").join(" "), expected, "{until}");
    }
}

/// Whether a rule without more than its interval starts on `day`, from its meaning.
fn occurs(frequency: &str, interval: i64, first: Date, day: Date) -> bool {
    let monday = |it: Date| it.checked_sub(i64::from(it.weekday().to_monday_zero_offset()).days()).unwrap();
    let days = |from: Date, to: Date| i64::from(from.until(to).unwrap().get_days());
    let months = 12 * i64::from(day.year() - first.year()) + i64::from(day.month() - first.month());
    let (passed, same) = match frequency {
        "DAILY" => (days(first, day), true),
        "WEEKLY" => (days(monday(first), monday(day)) / 7, first.weekday() == day.weekday()),
        "MONTHLY" => (months, first.day() == day.day()),
        _ => (i64::from(day.year() - first.year()), (first.month(), first.day()) == (day.month(), day.day())),
    };
    day >= first && same && passed % interval == 0
}

proptest! {
    #[test]
    fn a_rule_is_the_same_however_long_ago_it_began(
        frequency in prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        interval in 1_i64..8,
        first in 0_i64..12_000,
        later in 0_i64..12_000,
    ) {
        let first = date(1996, 1, 1).checked_add(first.days()).unwrap();
        let from = date(1996, 1, 1).checked_add(later.days()).unwrap();
        let text = format!("FREQ={frequency};INTERVAL={interval}");
        // Chains of turns end where nobody looks further: look at less than that.
        let expected: Vec<String> = from
            .series(1.day())
            .take(360)
            .filter(|day| occurs(frequency, interval, first, *day))
            .map(|day| day.to_string())
            .collect();
        let to = from.checked_add(360.days()).unwrap();
        prop_assert_eq!(
            of(&text, &first.to_string(), &from.to_string(), &to.to_string()),
            expected.join(" ")
        );
    }
}
