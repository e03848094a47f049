//! The nights in which the clocks change. Berlin: 02:00 becomes 03:00 on 29 March
//! 2026, and 03:00 becomes 02:00 on 25 October. New York: 02:00 becomes 03:00 on
//! 8 March, and 02:00 becomes 01:00 on 1 November.

use super::world::{cron, freeze, holds, rule, window};

#[test]
fn a_duration_is_absolute_across_both_changes() {
    // 22:00 and eight hours: until 07:00 and 05:00 by the clocks.
    let berlin = [freeze("night", cron("0 22 * * *", "Europe/Berlin", 8))];
    holds(
        &berlin,
        &[
            ("2026-03-28T21:59+01:00", "open until 2026-03-28T22:00"),
            ("2026-03-28T22:00+01:00", "frozen by night until 2026-03-29T06:00"),
            ("2026-03-29T06:59+02:00", "frozen by night until 2026-03-29T07:00"),
            ("2026-03-29T07:00+02:00", "open until 2026-03-29T22:00"),
            ("2026-10-24T22:00+02:00", "frozen by night until 2026-10-25T06:00"),
            ("2026-10-25T04:59+01:00", "frozen by night until 2026-10-25T05:00"),
            ("2026-10-25T05:00+01:00", "open until 2026-10-25T22:00"),
        ],
    );
    let new_york = [freeze("night", cron("0 22 * * *", "America/New_York", 8))];
    holds(
        &new_york,
        &[
            ("2026-03-07T22:00-05:00", "frozen by night until 2026-03-08T06:00"),
            ("2026-03-08T07:00-04:00", "open until 2026-03-08T22:00"),
            ("2026-10-31T22:00-04:00", "frozen by night until 2026-11-01T06:00"),
            ("2026-11-01T05:00-05:00", "open until 2026-11-01T22:00"),
        ],
    );
}

#[test]
fn what_starts_in_a_skipped_hour_starts_at_the_change() {
    for when in
        [cron("30 2 * * *", "Europe/Berlin", 1), rule("FREQ=DAILY", "2026-01-01T02:30", "Europe/Berlin")]
    {
        holds(
            &[freeze("backup", when)],
            &[
                ("2026-03-28T02:30+01:00", "frozen by backup until 2026-03-28T03:30"),
                ("2026-03-29T01:59+01:00", "open until 2026-03-29T02:00"),
                ("2026-03-29T03:00+02:00", "frozen by backup until 2026-03-29T04:00"),
                ("2026-03-29T04:00+02:00", "open until 2026-03-30T02:30"),
            ],
        );
    }
    holds(
        &[window("backup", cron("30 2 * * SUN", "America/New_York", 1))],
        &[
            ("2026-03-08T01:59-05:00", "frozen by backup until 2026-03-08T02:00"),
            ("2026-03-08T03:00-04:00", "open until 2026-03-08T04:00"),
            ("2026-03-08T04:00-04:00", "frozen by backup until 2026-03-15T02:30"),
        ],
    );
}

#[test]
fn what_starts_in_an_hour_that_is_shown_twice_starts_the_first_time_only() {
    for when in
        [cron("30 2 * * *", "Europe/Berlin", 1), rule("FREQ=DAILY", "2026-01-01T02:30", "Europe/Berlin")]
    {
        holds(
            &[freeze("backup", when)],
            &[
                ("2026-10-25T02:29+02:00", "open until 2026-10-25T02:30"),
                ("2026-10-25T02:30+02:00", "frozen by backup until 2026-10-25T03:30"),
                ("2026-10-25T02:29+01:00", "frozen by backup until 2026-10-25T02:30"),
                ("2026-10-25T02:30+01:00", "open until 2026-10-26T02:30"),
            ],
        );
    }
    holds(
        &[window("backup", cron("30 1 * * SUN", "America/New_York", 1))],
        &[
            ("2026-11-01T01:30-04:00", "open until 2026-11-01T02:30"),
            ("2026-11-01T01:30-05:00", "frozen by backup until 2026-11-08T01:30"),
        ],
    );
}

#[test]
fn a_day_of_25_hours_leaves_one_of_them_to_a_freeze_of_24() {
    let always = [freeze("always", cron("0 0 * * *", "Europe/Berlin", 24))];
    holds(
        &always,
        &[
            ("2026-10-25T22:59+01:00", "frozen by always until 2026-10-25T23:00"),
            ("2026-10-25T23:00+01:00", "open until 2026-10-26T00:00"),
        ],
    );
}
