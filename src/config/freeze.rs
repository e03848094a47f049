//! `[[freezes]]`: when nothing is deployed, and when only something is.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::DateTime;
use serde::Deserialize;

use super::people::{Groups, PeopleSection};
use crate::domain::calendar::{Calendar, CalendarError, Moment, Zone};
use crate::domain::freeze::{Freeze, FreezeKind};
use crate::domain::id::{EnvironmentName, FreezeName};
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Environment;

/// All of them are judged before each deployment.
const MOST_FREEZES: usize = 100;

/// A reason is shown on one line.
const LONGEST_REASON: usize = 200;

/// `[[freezes]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct FreezeSection {
    name: FreezeName,
    #[serde(default = "freeze")]
    kind: FreezeKind,
    environments: Option<BTreeSet<EnvironmentName>>,
    reason: String,
    cron: Option<String>,
    rrule: Option<String>,
    starts: Option<Written>,
    from: Option<Written>,
    to: Option<Written>,
    duration: Option<String>,
    time_zone: Option<String>,
    #[serde(default, rename = "override")]
    overridable_by: Vec<String>,
}

/// A date and time, in quotes or as TOML has them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a date and time")]
enum Written {
    Plain(toml::value::Datetime),
    Quoted(String),
}

fn freeze() -> FreezeKind {
    FreezeKind::Freeze
}

/// The rules that `sections` describe for `environments`.
pub(super) fn freezes(
    sections: &[FreezeSection],
    environments: &[Environment],
    people: &PeopleSection,
    groups: &Groups,
) -> Result<Vec<Freeze>, String> {
    if sections.len() > MOST_FREEZES {
        return Err(format!("there are {} freezes; at most {MOST_FREEZES} are judged", sections.len()));
    }
    let mut names = BTreeSet::new();
    sections
        .iter()
        .map(|section| {
            let here = format!("freeze `{}`", section.name);
            if !names.insert(&section.name) {
                return Err(format!(
                    "{here} is there twice; its name says which one holds a deployment back"
                ));
            }
            Ok(Freeze {
                name: section.name.clone(),
                kind: section.kind,
                environments: section.environments(environments, &here)?,
                reason: section.reason(&here)?,
                when: section.calendar().map_err(|reason| format!("{here}: {reason}"))?,
                overridable_by: people.overriders(
                    &section.overridable_by,
                    groups,
                    &format!("`override` of {here}"),
                )?,
            })
        })
        .collect()
}

impl FreezeSection {
    fn environments(&self, all: &[Environment], here: &str) -> Result<BTreeSet<EnvironmentName>, String> {
        let covered = match &self.environments {
            Some(named) => named.clone(),
            None => all.iter().filter(|it| it.gated).map(|it| it.name.clone()).collect(),
        };
        if covered.is_empty() {
            return Err(format!("{here} covers no environment; name some under `environments`"));
        }
        match covered.iter().find(|name| !all.iter().any(|it| it.name == **name)) {
            Some(unknown) => Err(format!(
                "{here}: there is no environment `{unknown}`; write one of {}",
                all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
            )),
            None => Ok(covered),
        }
    }

    fn reason(&self, here: &str) -> Result<String, String> {
        match shortened(&self.reason, LONGEST_REASON) {
            reason if reason.is_empty() => {
                Err(format!("{here}: `reason` is empty; say why, for those who wait"))
            }
            reason => Ok(reason),
        }
    }

    fn calendar(&self) -> Result<Calendar, String> {
        match (&self.cron, &self.rrule, &self.starts, &self.from, &self.to) {
            (Some(cron), None, None, None, None) => {
                let zone = self.zone()?.ok_or(NEEDS_ZONE)?;
                Calendar::cron(cron, zone, self.duration()?).map_err(|error| error.to_string())
            }
            (None, Some(rule), Some(starts), None, None) => {
                let (first, zone) = self.clock(starts)?;
                Calendar::rule(rule, first, zone, self.duration()?).map_err(|error| error.to_string())
            }
            (None, None, None, Some(from), Some(to)) => {
                if self.duration.is_some() {
                    return Err("`to` says when it ends; leave `duration` out".to_owned());
                }
                Calendar::once(self.instant(from, "from")?, self.instant(to, "to")?)
                    .map_err(|error| error.to_string())
            }
            _ => Err("say when with `cron`, with `rrule` and `starts`, or with `from` and `to`; exactly one of them"
                .to_owned()),
        }
    }

    fn duration(&self) -> Result<Duration, String> {
        super::file::duration(self.duration.as_deref(), "duration")?
            .ok_or_else(|| "`duration` is missing; say how long it lasts, such as \"8h\"".to_owned())
    }

    fn zone(&self) -> Result<Option<Zone>, String> {
        self.time_zone.as_deref().map(Zone::named).transpose().map_err(|error| error.to_string())
    }

    /// What `starts` says: local time and the zone, from there or from `time_zone`.
    fn clock(&self, starts: &Written) -> Result<(DateTime, Zone), String> {
        match (starts.moment("starts")?, self.zone()?) {
            (Moment::Bare(clock), Some(zone)) | (Moment::In(clock, zone), None) => Ok((clock, zone)),
            (Moment::Bare(_), None) => Err(NEEDS_ZONE.to_owned()),
            (Moment::In(..), Some(_)) => Err(ZONE_TWICE.to_owned()),
            (Moment::At(_), _) => {
                Err("`starts` has an offset, which changes in the year; write local time and a `time_zone`"
                    .to_owned())
            }
        }
    }

    fn instant(&self, written: &Written, key: &str) -> Result<Timestamp, String> {
        let said = |error| format!("`{key}`: {error}");
        match (written.moment(key)?, self.zone()?) {
            (Moment::At(instant), _) => Ok(instant),
            (Moment::Bare(clock), Some(zone)) | (Moment::In(clock, zone), None) => {
                zone.only_instant(clock).map_err(said)
            }
            (Moment::Bare(_), None) => Err(NEEDS_ZONE.to_owned()),
            (Moment::In(..), Some(_)) => Err(ZONE_TWICE.to_owned()),
        }
    }
}

const NEEDS_ZONE: &str = "`time_zone` is missing; say whose clocks these are, such as \"Europe/Berlin\"";
const ZONE_TWICE: &str = "the time zone is there twice; write it as `time_zone` or in the time";

impl Written {
    fn moment(&self, key: &str) -> Result<Moment, String> {
        let parsed = match self {
            Self::Plain(plain) => plain.to_string().parse(),
            Self::Quoted(text) => text.parse(),
        };
        parsed.map_err(|error: CalendarError| format!("`{key}`: {error}"))
    }
}
