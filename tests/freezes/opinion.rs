//! Weekly windows and freezes against a second opinion that walks minute by minute,
//! looks at nothing but what the clocks show, and shares no code with the first.

use deployment_orchestrator::domain::calendar::Calendar;
use deployment_orchestrator::domain::freeze::{Freeze, FreezeKind};
use deployment_orchestrator::domain::time::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, ToSpan as _};
use proptest::prelude::*;

use super::world::{freeze, minutes, turns, window, zone};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440;

/// `minute hour * * days` for so many minutes.
#[derive(Debug, Clone)]
struct Weekly {
    kind: FreezeKind,
    minute: i8,
    hour: i8,
    /// Sunday is 0.
    weekdays: Vec<i8>,
    minutes: i64,
    zone: &'static str,
}

/// Zones with changes of an hour, of half an hour, at midnight, and with none.
const ZONES: [&str; 5] =
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu"];

/// Weeks in which some of their clocks change, and one in which none does.
const WEEKS: [&str; 6] = ["2026-03-03", "2026-03-25", "2026-04-01", "2026-10-01", "2026-10-21", "2026-10-28"];

/// How many days are compared.
const COMPARED: i64 = 9;

fn weekly() -> impl Strategy<Value = Weekly> {
    (
        prop::sample::select(vec![FreezeKind::Freeze, FreezeKind::Window]),
        0_i8..60,
        // Mostly at night, when the clocks change.
        prop_oneof![3 => 0_i8..4, 1 => 4_i8..24],
        prop::sample::subsequence(vec![0_i8, 1, 2, 3, 4, 5, 6], 1..=7),
        prop_oneof![1_i64..180, 180..=DAY],
        prop::sample::select(ZONES.to_vec()),
    )
        .prop_map(|(kind, minute, hour, weekdays, minutes, zone)| Weekly {
            kind,
            minute,
            hour,
            weekdays,
            minutes,
            zone,
        })
}

impl Weekly {
    fn freeze(&self, index: usize) -> Freeze {
        let days: Vec<String> = self.weekdays.iter().map(ToString::to_string).collect();
        let pattern = format!("{} {} * * {}", self.minute, self.hour, days.join(","));
        let lasts = minutes(self.minutes.unsigned_abs());
        let when = Calendar::cron(&pattern, zone(self.zone), lasts).unwrap();
        match self.kind {
            FreezeKind::Freeze => freeze(&format!("it-{index}"), when),
            FreezeKind::Window => window(&format!("it-{index}"), when),
        }
    }

    fn shows(&self, clock: DateTime) -> bool {
        (clock.hour(), clock.minute()) == (self.hour, self.minute)
            && self.weekdays.contains(&clock.weekday().to_sunday_zero_offset())
    }

    /// For each minute from `from` on, whether it is on.
    fn course(&self, from: i64) -> Vec<bool> {
        let there = TimeZoneDatabase::bundled().get(self.zone).unwrap();
        // Two days before, so that the clocks' highest is known and all that is on has begun.
        let mut highest = clock(&there, from - 2 * DAY * MINUTE);
        let mut on_until = i64::MIN;
        let mut course = Vec::new();
        for minute in -2 * DAY + 1..COMPARED * DAY {
            let now = clock(&there, from + minute * MINUTE);
            while highest < now {
                // Each minute of the clocks for the first time, those that they skip, too.
                highest = highest.checked_add(1.minute()).unwrap();
                if self.shows(highest) {
                    on_until = minute + self.minutes;
                }
            }
            if minute >= 0 {
                course.push(minute < on_until);
            }
        }
        course
    }
}

fn clock(there: &TimeZone, millisecond: i64) -> DateTime {
    there.to_datetime(jiff::Timestamp::from_millisecond(millisecond).unwrap())
}

/// For each minute from `from` on, whether it is open.
fn open(rules: &[Weekly], from: i64) -> Vec<bool> {
    let courses: Vec<(FreezeKind, Vec<bool>)> =
        rules.iter().map(|rule| (rule.kind, rule.course(from))).collect();
    let minutes = usize::try_from(COMPARED * DAY).unwrap();
    (0..minutes)
        .map(|minute| {
            let on = |kind| courses.iter().any(|(its, course)| *its == kind && course[minute]);
            let windows = courses.iter().any(|(its, _)| *its == FreezeKind::Window);
            !on(FreezeKind::Freeze) && (!windows || on(FreezeKind::Window))
        })
        .collect()
}

proptest! {
    #[test]
    fn weekly_rules_are_what_the_clocks_show(
        rules in prop::collection::vec(weekly(), 1..4),
        week in prop::sample::select(WEEKS.to_vec()),
    ) {
        let from = format!("{week}T00:00Z").parse::<jiff::Timestamp>().unwrap();
        let to = from.checked_add(SignedDuration::from_hours(24 * COMPARED)).unwrap();
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        let open = open(&rules, from);
        let expected: Vec<Timestamp> = open
            .windows(2)
            .zip(1_i64..)
            .filter(|(pair, _)| pair[0] != pair[1])
            .map(|(_, minute)| Timestamp(from + minute * MINUTE))
            .collect();
        let freezes: Vec<Freeze> = rules.iter().enumerate().map(|(index, rule)| rule.freeze(index)).collect();
        prop_assert_eq!(turns(&freezes, Timestamp(from), Timestamp(to)), expected);
        let frozen_first = super::world::said(&freezes, &format!("{week}T00:00Z")).starts_with("frozen");
        prop_assert_eq!(frozen_first, !open[0]);
    }
}
