//! Whether an environment answers as it should after something was deployed there.
//!
//! That an execution has succeeded says that the rollout went through, and not
//! that what was rolled out works. The environment is asked until it has given
//! enough good answers in a row, or until its time is over.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::execution::{Cause, Failure, Retry};
use super::template::Template;
use super::time::{Timestamp, in_words};

/// What is asked after each deploy. From the config, copied at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Where to ask, with a GET.
    pub url: Template,
    /// The status code of a good answer.
    pub status: u16,
    /// So many good answers in a row make it healthy.
    pub successes: u32,
    /// The pause between an answer and the next question.
    pub interval_ms: u64,
    /// How long it may take from the success of the execution.
    pub timeout_ms: u64,
}

/// How far the asking is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// When it fails, unless it is healthy before.
    pub until: Timestamp,
    /// When the next question is due.
    pub next: Timestamp,
    /// Good answers in a row.
    pub streak: u32,
    /// The last answer that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Answer>,
}

/// What came back. Never a word of what the other side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "code")]
pub enum Answer {
    /// An HTTP status code; also that of a redirect, which is not followed.
    Status(u16),
    /// No connection could be made.
    Unreachable,
    /// No answer came in time.
    TimedOut,
    /// Something came that is no HTTP answer.
    Broken,
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(out, "HTTP {code}"),
            Self::Unreachable => out.write_str("no connection"),
            Self::TimedOut => out.write_str("no answer in time"),
            Self::Broken => out.write_str("no HTTP answer"),
        }
    }
}

impl HealthCheck {
    /// The asking that begins when the execution has succeeded at `at`.
    #[must_use]
    pub fn begin(&self, at: Timestamp) -> Probing {
        Probing { until: at.plus(self.timeout()), next: at, streak: 0, last: None }
    }

    /// The asking after `answer` came at `at`. One that comes too late is not good.
    #[must_use]
    pub fn after(&self, probing: &Probing, answer: Answer, at: Timestamp) -> Probing {
        let good = self.is_good(answer) && at < probing.until;
        Probing {
            until: probing.until,
            next: self.next(probing, at),
            streak: if good { probing.streak + 1 } else { 0 },
            last: Some(answer),
        }
    }

    /// Whether so many good answers came in a row that it is healthy.
    #[must_use]
    pub fn is_met(&self, probing: &Probing) -> bool {
        probing.streak >= self.successes
    }

    /// Whether `answer` is worth recording: a good one counts, and a bad one is
    /// recorded when the last one was another.
    #[must_use]
    pub fn is_news(&self, probing: &Probing, answer: Answer) -> bool {
        self.is_good(answer) || probing.last != Some(answer)
    }

    /// When to ask again after an answer at `at`.
    #[must_use]
    pub fn next(&self, probing: &Probing, at: Timestamp) -> Timestamp {
        at.plus(Duration::from_millis(self.interval_ms)).min(probing.until)
    }

    /// Its time is over.
    #[must_use]
    pub fn failure(&self, probing: &Probing) -> Failure {
        Failure {
            cause: Cause::Unhealthy,
            message: format!(
                "the deploy went through, and the environment did not get healthy within {}: {}",
                in_words(self.timeout()),
                self.seen(probing)
            ),
            retry: Retry::Final,
        }
    }

    /// What was seen so far, in words.
    #[must_use]
    pub fn seen(&self, probing: &Probing) -> String {
        let wanted = format!("{} of {} good answers (HTTP {})", probing.streak, self.successes, self.status);
        match probing.last {
            None => format!("{wanted}, none yet"),
            Some(last) => format!("{wanted} in a row, the last was {last}"),
        }
    }

    fn is_good(&self, answer: Answer) -> bool {
        answer == Answer::Status(self.status)
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Answer = Answer::Status(200);
    const BAD: Answer = Answer::Status(503);

    fn check() -> HealthCheck {
        HealthCheck {
            url: Template::plain("http://localhost/healthz".to_owned()),
            status: 200,
            successes: 3,
            interval_ms: 5_000,
            timeout_ms: 60_000,
        }
    }

    #[test]
    fn only_good_answers_in_a_row_and_in_time_make_it_healthy() {
        for (answers, at, streak) in [
            (&[][..], 0, 0),
            (&[GOOD, GOOD, GOOD], 0, 3),
            (&[GOOD, GOOD, BAD, GOOD], 0, 1),
            (&[BAD, Answer::Unreachable, Answer::TimedOut, Answer::Broken, GOOD, GOOD], 0, 2),
            (&[GOOD, GOOD, Answer::Status(201)], 0, 0),
            (&[GOOD, GOOD, GOOD], 59_999, 3),
            (&[GOOD, GOOD, GOOD], 60_000, 0),
        ] {
            let asked = |probing, answer: &Answer| check().after(&probing, *answer, Timestamp(at));
            let probing = answers.iter().fold(check().begin(Timestamp(0)), asked);
            assert_eq!(
                (probing.streak, check().is_met(&probing)),
                (streak, streak == 3),
                "{answers:?} at {at}"
            );
            assert_eq!(probing.until, Timestamp(60_000), "the deadline does not move");
        }
    }

    #[test]
    fn the_next_question_comes_after_the_pause_and_never_after_the_deadline() {
        let fresh = check().begin(Timestamp(0));
        assert_eq!(fresh.next, Timestamp(0), "the first comes at once");
        for (at, next) in [(0, 5_000), (55_000, 60_000), (55_001, 60_000), (59_999, 60_000)] {
            assert_eq!(check().after(&fresh, BAD, Timestamp(at)).next, Timestamp(next), "after one at {at}");
            assert_eq!(check().next(&fresh, Timestamp(at)), Timestamp(next), "after one at {at}");
        }
    }

    #[test]
    fn a_bad_answer_is_news_when_the_last_one_was_another() {
        let fresh = check().begin(Timestamp(0));
        let after = |answer| check().after(&fresh, answer, Timestamp(0));
        for (probing, answer, news) in [
            (fresh.clone(), BAD, true),
            (after(BAD), BAD, false),
            (after(BAD), Answer::Unreachable, true),
            (after(GOOD), BAD, true),
            (after(GOOD), GOOD, true),
        ] {
            assert_eq!(check().is_news(&probing, answer), news, "{answer} after {:?}", probing.last);
        }
    }
}
