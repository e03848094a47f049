//! `[metrics]`: what numbers need to know that is in no record.

use serde::Deserialize;

use crate::domain::calendar::{Calendar, Zone};

/// `[metrics]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct MetricsSection {
    working_hours: Option<WorkingHours>,
}

/// `working_hours`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with `cron`, `duration` and `time_zone`")]
struct WorkingHours {
    cron: String,
    duration: String,
    time_zone: String,
}

impl MetricsSection {
    /// When people work, if that is said.
    pub(super) fn working_hours(&self) -> Result<Option<Calendar>, String> {
        let Some(WorkingHours { cron, duration, time_zone }) = &self.working_hours else { return Ok(None) };
        let said = |reason: String| format!("metrics: `working_hours`: {reason}");
        let zone = Zone::named(time_zone).map_err(|error| said(error.to_string()))?;
        let duration = super::file::duration(Some(duration), "duration").map_err(said)?.unwrap_or_default();
        Calendar::cron(cron, zone, duration).map(Some).map_err(|error| said(error.to_string()))
    }
}
