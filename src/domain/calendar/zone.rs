//! Time zones: from clocks to instants and back, and all that a change of the
//! clocks means.
//!
//! Something that starts while the clocks are put forward, at a time that they
//! never show, starts at that change: a freeze is not lost to it (RFC 5545 would
//! leave it out). What starts at a time that they show twice starts the first time.
//!
//! The database is the one in the binary, so that two servers agree, and a
//! container without one does, too.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::error::CalendarError;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone with this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, CalendarError> {
        TimeZoneDatabase::bundled()
            .get(name)
            .map(Self)
            .map_err(|_| CalendarError::UnknownZone(shortened(name, 60)))
    }

    /// What the clocks show at `at`.
    pub(super) fn clock(&self, at: Timestamp) -> DateTime {
        let nearest = if at.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        self.0.to_datetime(jiff::Timestamp::from_millisecond(at.0).unwrap_or(nearest))
    }

    /// When that starts which is to start as the clocks show `clock`: never earlier for
    /// a later one. `None` past the year 9999.
    pub(super) fn instant(&self, clock: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(clock);
        let earlier = ambiguous.earlier().ok()?;
        let instant = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => earlier,
            // `earlier` is before the change, by as much as `clock` is after it.
            AmbiguousOffset::Gap { .. } => self.0.following(earlier).next()?.timestamp(),
        };
        Some(Timestamp(instant.as_millisecond()))
    }

    /// The one instant at which the clocks show `clock`.
    ///
    /// # Errors
    /// When they never do, or twice.
    pub fn only_instant(&self, clock: DateTime) -> Result<Timestamp, CalendarError> {
        let ambiguous = self.0.to_ambiguous_timestamp(clock);
        let times = match ambiguous.offset() {
            AmbiguousOffset::Fold { .. } => "twice",
            AmbiguousOffset::Gap { .. } | AmbiguousOffset::Unambiguous { .. } => "never",
        };
        let instant = ambiguous
            .unambiguous()
            .map_err(|_| CalendarError::NotOneInstant { moment: clock.to_string(), times })?;
        Ok(Timestamp(instant.as_millisecond()))
    }
}
