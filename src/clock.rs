//! The wall clock and the source of randomness, as arguments.
//!
//! Everything that asks for the time or for random bits takes one of these two
//! traits, so that a test decides both. This is the only place that asks the
//! operating system; `.clippy.toml` bans it everywhere else.

use crate::domain::time::Timestamp;

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now. May jump in both directions between two calls.
    fn now(&self) -> Timestamp;
}

/// Bits that nobody can guess.
pub trait Random: Send + Sync {
    /// 128 fresh, uniform, unpredictable bits.
    fn bits(&self) -> u128;
}

/// The operating system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }
}

/// The operating system's random number generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the one home of randomness")]
    fn bits(&self) -> u128 {
        let mut bytes = [0; size_of::<u128>()];
        getrandom::fill(&mut bytes).expect("the operating system has a random number generator");
        u128::from_ne_bytes(bytes)
    }
}
