//! Dates and times as people write them: with an offset, with a zone, or bare.

use std::str::FromStr;

use jiff::civil::DateTime;

use super::error::CalendarError;
use super::zone::Zone;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;

/// A date and time, with as much of a place as was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// `2026-12-18T18:00+01:00`
    At(Timestamp),
    /// `2026-12-18T18:00[Europe/Berlin]`
    In(DateTime, Zone),
    /// `2026-12-18T18:00`
    Bare(DateTime),
}

impl FromStr for Moment {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let wrong = |_| CalendarError::NotAMoment(shortened(text, 60));
        if let Some((clock, zone)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            let zone = Zone::named(zone)?;
            if clock.parse::<jiff::Timestamp>().is_ok() {
                return Err(CalendarError::OffsetAndZone(shortened(text, 60)));
            }
            return Ok(Self::In(clock.parse().map_err(wrong)?, zone));
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => Ok(Self::At(Timestamp(instant.as_millisecond()))),
            Err(_) => text.parse().map(Self::Bare).map_err(wrong),
        }
    }
}
