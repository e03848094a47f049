//! Jira: each issue of a deployment is told of it in one comment that is kept up
//! to date, has one link to it, and is moved when the deployment ends.
//!
//! Cloud speaks REST API v3 and Atlassian's document format, Data Center v2 and
//! wiki markup; [`Site`] is the only difference between them. Whatever is done may
//! be done again: the link is found by its global id, the comment by its id or its
//! last line, and an issue that is where it should be is not moved. What is said
//! is made in `said`, and its shape in `adf` and `wiki`, all of them pure.

mod absent;
mod adf;
mod client;
mod comment;
mod error;
mod link;
mod moving;
mod said;
mod wiki;
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::SecretString;
use tokio::time::timeout;

use crate::domain::digest::Digest;
use crate::domain::id::{EnvironmentName, IssueKey};
use crate::domain::message::Message;
use crate::domain::notice::Topic;
use crate::ports::{Extent, Messenger, Sight, TELL_TIMEOUT, TellError, Telling, Thread, Tracker};
use crate::tally::Tally;

use client::Client;
use said::Said;

pub use absent::{Absent, NoJira};
pub use client::SetupError;

/// Where Jira is, who we are there, and what moves issues.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://acme.atlassian.net`, or where a Data Center is. May have a path.
    pub base_url: String,
    /// Which Jira.
    pub site: Site,
    /// An API token of the account (Cloud), or a personal access token (Data Center).
    pub token: SecretString,
    /// When issues are moved, and to which status.
    pub moves: Moves,
}

/// The two kinds of Jira.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// Atlassian's.
    Cloud {
        /// Whose API token it is.
        email: String,
    },
    /// Somebody's own.
    DataCenter,
}

/// The names of statuses, and whose end leads there. Upper and lower case are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// For a deployment that completed.
    pub on_completed: Option<String>,
    /// For one that was rolled back.
    pub on_rolled_back: Option<String>,
    /// Only for deployments whose way ends in one of these.
    pub environments: BTreeSet<EnvironmentName>,
}

/// Jira, as whoever is told, and as who knows issues.
pub struct Jira {
    client: Client,
    moves: Moves,
}

/// How long one message may take, a little less than its caller allows, so that
/// what is late is our verdict.
const TELLING_LIMIT: Duration = TELL_TIMEOUT.saturating_sub(Duration::from_secs(1));

impl Jira {
    /// The Jira of these settings. Nothing is sent. Calls are counted in `tally`.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: Settings, tally: &Tally) -> Result<Self, SetupError> {
        let Settings { base_url, site, token, moves } = settings;
        Ok(Self { client: Client::new(&base_url, site, &token, tally)?, moves })
    }

    /// The comment first, which is what people read: whatever is wrong with the
    /// rest is then told by somebody who has said all that there is to say.
    async fn tell_issue(&self, issue: &IssueKey, telling: &Telling<'_>) -> Result<Thread, TellError> {
        let Telling { message, thread, .. } = telling;
        let comment = comment::keep(&self.client, issue, &Said::of(message), *thread).await?;
        let linked = match link::of(message) {
            Some(link) => link::put(&self.client, issue, &link).await,
            None => Ok(()),
        };
        if matches!(linked, Err(TellError::Later { .. })) {
            return linked.map(|()| comment);
        }
        if let Some(status) = self.moves.target(message) {
            moving::to(&self.client, issue, status).await?;
        }
        linked.map(|()| comment)
    }
}

impl Moves {
    /// The status to which this message takes its issues. What became of the
    /// deployment since then moves none.
    fn target(&self, message: &Message) -> Option<&str> {
        let ends_here = message.about.target.as_ref().is_some_and(|it| self.environments.contains(it));
        match (message.notice.topic, message.about.state.as_str()) {
            (Topic::Completed, "completed") if ends_here => self.on_completed.as_deref(),
            (Topic::RolledBack, "rolled-back") if ends_here => self.on_rolled_back.as_deref(),
            _ => None,
        }
    }
}

#[async_trait]
impl Messenger for Jira {
    async fn tell(&self, telling: &Telling<'_>) -> Result<Option<Thread>, TellError> {
        let Some(issue) = telling.issue else {
            let message = "a message for Jira belongs to no issue; link one with `link`".to_owned();
            return Err(TellError::Never { message });
        };
        match timeout(TELLING_LIMIT, self.tell_issue(issue, telling)).await {
            Ok(told) => told.map(Some),
            Err(_) => Err(TellError::Later {
                message: "Jira takes too long; look whether it is healthy".to_owned(),
                after: None,
                of: Extent::Messenger,
            }),
        }
    }

    /// An issue is told of one deployment at a time, and at once.
    async fn tell_together(&self, _digest: &Digest) -> Result<(), TellError> {
        let message = "Jira takes no digests; let no route with a `digest` lead there".to_owned();
        Err(TellError::Never { message })
    }
}

#[async_trait]
impl Tracker for Jira {
    async fn look_at(&self, issue: &IssueKey) -> Result<Sight, TellError> {
        match moving::status(&self.client, issue).await {
            Ok(_) => Ok(Sight::Visible),
            Err(failure) if failure.status == Some(StatusCode::NOT_FOUND) => Ok(Sight::Missing),
            Err(failure) => Err(failure.error),
        }
    }
}
