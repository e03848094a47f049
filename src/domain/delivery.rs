//! When a message that was not told is told again, and when nobody tries any more.

use std::time::Duration;

use super::time::Timestamp;

/// The longest pause between two tries: an outage of hours must not become an
/// outage of days for whoever waits for the message.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The longest pause that the other side may ask for: whoever asks for more has made a mistake.
const LONGEST_ASKED_FOR: Duration = Duration::from_hours(1);

/// How long, and how often at the least, a message is tried. What is older than a
/// day is news to nobody, and somebody must look at the channel. A clock that
/// jumps a day ahead alone gives nothing up.
const GIVE_UP_AFTER: Duration = Duration::from_hours(24);
const FEWEST_ATTEMPTS: u32 = 12;

/// When the message is tried again that was tried `attempts` times since
/// `since`, the last time at `now`; `None` for never. Not before `after` has passed, within reason.
#[must_use]
pub fn next_try(attempts: u32, since: Timestamp, now: Timestamp, after: Duration) -> Option<Timestamp> {
    let over = attempts >= FEWEST_ATTEMPTS && now.since(since) >= GIVE_UP_AFTER;
    let pause = Duration::from_secs(1 << attempts.min(9)).min(LONGEST_PAUSE);
    (!over).then(|| now.plus(pause.max(after.min(LONGEST_ASKED_FOR))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(attempts: u32, hours: u64, after: u64) -> Option<u64> {
        let now = Timestamp(0).plus(Duration::from_hours(hours));
        next_try(attempts, Timestamp(0), now, Duration::from_secs(after)).map(|at| at.since(now).as_secs())
    }

    #[test]
    fn the_pauses_grow_and_end() {
        assert_eq!(
            [1, 2, 3, 8, 9, 40].map(|attempts| pause(attempts, 1, 0)),
            [2, 4, 8, 256, 300, 300].map(Some)
        );
        assert_eq!(pause(1, 1, 60), Some(60), "as long as the other side asks");
        assert_eq!(pause(9, 1, 60), Some(300));
        assert_eq!(pause(9, 1, 86_400), Some(3_600));
    }

    #[test]
    fn a_day_and_a_dozen_tries_are_enough() {
        assert_eq!(pause(12, 24, 0), None);
        assert_eq!(pause(11, 24, 0), Some(300));
        assert_eq!(pause(300, 23, 0), Some(300));
    }
}
