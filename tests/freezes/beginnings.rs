//! Rules of every kind, looked at long after they began: the same as what the
//! library finds that begins at the beginning.

use std::time::Duration;

use deployment_orchestrator::domain::calendar::{Calendar, CalendarError};
use deployment_orchestrator::domain::time::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan as _};
use proptest::prelude::*;
use rrule::RRuleSet;

use super::world::{freeze, turns, zone};

/// How many days are compared.
const COMPARED: i64 = 360;

fn part(name: &'static str, values: &[&str]) -> impl Strategy<Value = Option<String>> {
    let values: Vec<String> = values.iter().map(|value| format!(";{name}={value}")).collect();
    prop::option::weighted(0.3, prop::sample::select(values))
}

fn text() -> impl Strategy<Value = String> {
    let frequency = prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    let parts = (
        part("BYMONTH", &["1", "2", "2,12", "3,6,9,12"]),
        part("BYMONTHDAY", &["1", "29", "31", "-1", "-31", "13,14,15"]),
        part("BYDAY", &["MO", "SU", "MO,TU,WE,TH,FR", "1MO", "-1FR", "5SU", "53MO"]),
        part("BYYEARDAY", &["1", "60", "366", "-1"]),
        part("BYWEEKNO", &["1", "52", "53", "-1"]),
        part("BYSETPOS", &["1", "-1", "2", "1,-1"]),
        part("BYHOUR", &["0", "9,17", "23"]),
        part("WKST", &["SU", "WE"]),
        part("COUNT", &["1", "7", "300"]),
        part("UNTIL", &["20100101T000000Z", "20210101T120000Z", "20211231T235959Z"]),
    );
    (frequency, prop_oneof![Just(1_u16), 1_u16..20, any::<u16>()], parts).prop_map(
        |(frequency, interval, parts)| {
            let (a, b, c, d, e, f, g, h, i, j) = parts;
            let parts: String = [a, b, c, d, e, f, g, h, i, j].into_iter().flatten().collect();
            format!("FREQ={frequency};INTERVAL={interval}{parts}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_rule_that_began_long_ago_is_the_same(
        text in text(),
        first in 0_i64..9_000,
        later in 0_i64..12_000,
    ) {
        let first = date(1996, 1, 1).at(12, 30, 0, 0).checked_add(first.days()).unwrap();
        let from = date(1996, 1, 1).at(0, 0, 0, 0).checked_add(later.days()).unwrap();
        let to = from.checked_add(COMPARED.days()).unwrap();
        match Calendar::rule(&text, first, zone("UTC"), Duration::from_mins(1)) {
            Ok(calendar) => {
                let turns = turns(&[freeze("it", calendar)], instant(from), instant(to));
                let starts: Vec<Timestamp> = turns.into_iter().step_by(2).collect();
                prop_assert_eq!(starts, expanded(&text, first, from, to), "{} from {} at {}", text, first, from);
            }
            Err(CalendarError::NotARule { .. } | CalendarError::NeverOccurs) => {}
            Err(other) => panic!("{text} from {first}: {other}"),
        }
    }

    #[test]
    fn no_text_breaks_the_parsers(text in "\\PC{0,40}", shaped in "(FREQ|UNTIL|COUNT|BYDAY|INTERVAL|RRULE|EXDATE)[=:;][-+0-9A-Z,;:=]{0,30}") {
        for text in [&text, &shaped] {
            let minute = Duration::from_mins(1);
            let _ = Calendar::rule(text, date(2026, 1, 1).at(0, 0, 0, 0), zone("UTC"), minute);
            let _ = Calendar::rule(&format!("FREQ=DAILY;{text}"), date(9999, 12, 31).at(0, 0, 0, 0), zone("UTC"), minute);
            let _ = Calendar::cron(text, zone("UTC"), minute);
        }
    }
}

fn instant(clock: DateTime) -> Timestamp {
    Timestamp(TimeZone::UTC.to_timestamp(clock).unwrap().as_millisecond())
}

/// What the library finds from the beginning.
fn expanded(text: &str, first: DateTime, from: DateTime, to: DateTime) -> Vec<Timestamp> {
    let first = first.strftime("%Y%m%dT%H%M%SZ");
    let set: RRuleSet = format!("DTSTART:{first}\nRRULE:{text}").parse().unwrap();
    let (from, to) = (instant(from), instant(to));
    (&set)
        .into_iter()
        .map(|start| Timestamp(Instant::from_second(start.timestamp()).unwrap().as_millisecond()))
        .take_while(|start| *start < to)
        .filter(|start| *start > from)
        .collect()
}
