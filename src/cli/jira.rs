//! Jira as the config and the environment describe it.

use std::sync::Arc;

use super::wiring;
use crate::app::{Code, Error};
use crate::config::{JiraSection, environment};
use crate::jira::{Absent, Jira, NoJira};
use crate::ports::Tracker;
use crate::tally::Tally;

/// Jira, if there is one.
pub(super) fn of(section: Option<&JiraSection>, tally: &Tally) -> Result<Option<Arc<Jira>>, Error> {
    let Some(section) = section else { return Ok(None) };
    let settings = environment::jira_settings(section).map_err(|error| wiring::unusable(&error))?;
    let jira = Jira::new(settings, tally).map_err(|error| {
        Error::new(Code::ConfigInvalid, error.to_string(), "correct [jira] or JIRA_API_TOKEN and start again")
    })?;
    Ok(Some(Arc::new(jira)))
}

/// Whoever knows issues, for a command that may do without.
pub(super) fn tracker_for_a_look(
    section: Option<&JiraSection>,
    tally: &Tally,
) -> Result<Arc<dyn Tracker>, Error> {
    match section.map(environment::jira_settings) {
        Some(Err(error)) => Ok(Arc::new(Absent { reason: error.to_string() })),
        _ => Ok(tracker(of(section, tally)?.as_ref())),
    }
}

/// Whoever knows issues.
pub(super) fn tracker(jira: Option<&Arc<Jira>>) -> Arc<dyn Tracker> {
    match jira {
        Some(jira) => Arc::<Jira>::clone(jira),
        None => Arc::new(NoJira),
    }
}
