//! Why a text is no calendar. Each says what to write instead.

use std::time::Duration;

use jiff::SignedDuration;

/// A calendar that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The database has no such zone.
    #[error("there is no time zone `{0}`; write a name of the IANA database, such as \"Europe/Berlin\"")]
    UnknownZone(String),
    /// Not a date and time.
    #[error("`{0}` is no date and time; write one such as \"2026-12-18T18:00\"")]
    NotAMoment(String),
    /// They may contradict each other.
    #[error("`{0}` has an offset and a time zone; leave one of them out")]
    OffsetAndZone(String),
    /// The clocks never show it, or show it twice.
    #[error(
        "the clocks show `{moment}` {times} in that time zone; write it with an offset, such as `{moment}+01:00`"
    )]
    NotOneInstant {
        /// What was written.
        moment: String,
        /// `never` or `twice`.
        times: &'static str,
    },
    /// Not a pattern of cron.
    #[error("`{pattern}` is no cron pattern of five fields ({reason}); write one such as \"0 18 * * FRI\"")]
    NotCron {
        /// What was written.
        pattern: String,
        /// What the parser said.
        reason: String,
    },
    /// Not a rule.
    #[error("`{rule}` is no recurrence rule ({reason}); write one such as \"FREQ=WEEKLY;BYDAY=FR\"")]
    NotARule {
        /// What was written.
        rule: String,
        /// What the parser said, or which of our limits it breaks.
        reason: String,
    },
    /// Such as 30 February.
    #[error("it never occurs; check the days that it names, and its end")]
    NeverOccurs,
    /// An empty time, or a negative one.
    #[error("it is over before it begins; `to` must be later than `from`")]
    EndsBeforeItStarts,
    /// It would be on when it starts.
    #[error(
        "it lasts {} and starts again after {}; make `duration` no longer than that",
        text(duration),
        text(period)
    )]
    Overlaps {
        /// How long it lasts.
        duration: Duration,
        /// The shortest time between two starts, on the wall clock.
        period: Duration,
    },
}

fn text(duration: &Duration) -> String {
    SignedDuration::try_from(*duration).map_or_else(|_| format!("{duration:?}"), |it| format!("{it:#}"))
}
