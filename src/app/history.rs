//! Lists and histories, page by page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::PathView;
use super::view::{self, EventView, HistoryView, LineView, ListView};
use super::{App, Code, Error};
use crate::domain::id::{DeploymentId, EnvironmentName};
use crate::domain::record::RemarkRecord;
use crate::domain::state;
use crate::domain::text::shortened;
use crate::store::{Activity, Filter};

/// Which deployments to list, newest first.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    /// Only in this state, such as `awaiting-approval`.
    pub state: Option<String>,
    /// Only of this repository.
    pub repository: Option<String>,
    /// Only with this target environment.
    pub environment: Option<String>,
    /// `true`: only those in flight. `false`: only those that are over.
    pub active: Option<bool>,
    /// At most so many: 20 by default, and never more than 100.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What the history holds of no deployment: agents stopped, tokens made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemarkView {
    /// Its place in the history.
    pub position: u64,
    /// When.
    pub at: String,
    /// Its wire name.
    pub event: String,
    /// Who.
    pub by: String,
    /// Over which channel.
    pub channel: String,
    /// What tells us so.
    pub assurance: String,
    /// The rest of it, some of it from outside, shortened.
    pub details_untrusted: serde_json::Value,
}

/// The most that one page holds.
pub(super) const PAGE_LIMIT: u32 = 100;

impl App {
    /// Deployments that pass the filter, newest first.
    ///
    /// # Errors
    /// When an argument is malformed.
    pub async fn list(&self, request: ListRequest) -> Result<ListView, Error> {
        let filter = Filter {
            state: request.state.map(|name| self.known_state(name)).transpose()?,
            repository: request.repository.map(|name| name.parse()).transpose()?,
            environment: request.environment.map(|name| name.parse()).transpose()?,
            activity: match request.active {
                None => Activity::Any,
                Some(true) => Activity::Active,
                Some(false) => Activity::Ended,
            },
            limit: request.limit.unwrap_or(20).clamp(1, PAGE_LIMIT),
            before: request.cursor.map(|cursor| cursor.parse()).transpose()?,
        };
        let page = self.blocking(move |store| store.list(&filter)).await?;
        Ok(ListView {
            deployments: page.deployments.iter().map(LineView::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        })
    }

    /// A misspelt state would look as if nothing were in it. Deployments may be
    /// in environments that the config has no more.
    fn known_state(&self, name: String) -> Result<String, Error> {
        let names = state::names(&self.policy.workflow);
        let environment = name.strip_prefix("deploying-").map(str::parse::<EnvironmentName>);
        if names.contains(&name) || matches!(environment, Some(Ok(_))) {
            return Ok(name);
        }
        Err(Error::new(
            Code::MalformedArgument,
            format!("`{}` is no state", shortened(&name, 80)),
            format!("the states are {}", names.join(", ")),
        ))
    }

    /// The audit events of a deployment after the position `after`.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn history(&self, id: &str, after: u64, limit: u32) -> Result<HistoryView, Error> {
        let id: DeploymentId = id.parse()?;
        let limit = limit.clamp(1, PAGE_LIMIT);
        let wanted = id.clone();
        let (deployment, records) = self
            .blocking(move |store| Ok((store.load(&wanted)?, store.history(&wanted, after, limit)?)))
            .await?;
        let full = records.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(HistoryView {
            deployment_id: id.to_string(),
            path: PathView::of(&deployment),
            next_after: records.last().filter(|_| full).map(|record| record.position),
            events: records.iter().map(EventView::from).collect(),
        })
    }
    /// What is about no deployment, after the position `after`: a page, and
    /// nothing when there is no more.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn remarks(&self, after: u64) -> Result<Vec<RemarkView>, Error> {
        let records = self.blocking(move |store| store.remarks(after, PAGE_LIMIT)).await?;
        Ok(records.iter().map(RemarkView::from).collect())
    }
}

impl From<&RemarkRecord> for RemarkView {
    fn from(record: &RemarkRecord) -> Self {
        let RemarkRecord { position, at, actor, remark } = record;
        Self {
            position: *position,
            at: at.to_rfc3339(),
            event: remark.name().0,
            by: actor.principal.to_string(),
            channel: view::wire_name(&actor.channel),
            assurance: actor.assurance.to_string(),
            details_untrusted: view::details(remark),
        }
    }
}
