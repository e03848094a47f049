//! `[channels]` and `[[routes]]`: the ways to tell people, and who is told what.
//!
//! What a channel needs that is secret never stands here; `config/environment.rs` says how it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::file::duration;
use super::policy::Routing;
use crate::domain::id::{ChannelName, EnvironmentName};
use crate::domain::message::Severity;
use crate::domain::notice::Topic;
use crate::domain::route::{Pace, QUIET, Route};
use crate::domain::workflow::Environment;

/// `[channels.NAME]`: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub enum ChannelSection {
    /// A Slack channel, told by a bot: one thread for each deployment.
    Slack(SlackSection),
    /// An incoming webhook of Slack.
    SlackWebhook,
    /// A Workflows webhook of Teams.
    Teams,
    /// E-mail.
    Email(EmailSection),
    /// A webhook of anything else.
    Webhook(WebhookSection),
}

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Written {
    slack: Option<SlackSection>,
    slack_webhook: Option<NothingMore>,
    teams: Option<NothingMore>,
    email: Option<EmailSection>,
    webhook: Option<WebhookSection>,
}

/// All that there is to say of this channel is secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an empty table")]
struct NothingMore {}

impl TryFrom<Written> for ChannelSection {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { slack, slack_webhook, teams, email, webhook } = written;
        let said = [
            slack.map(Self::Slack),
            slack_webhook.map(|NothingMore {}| Self::SlackWebhook),
            teams.map(|NothingMore {}| Self::Teams),
            email.map(Self::Email),
            webhook.map(Self::Webhook),
        ];
        let mut said = said.into_iter().flatten();
        match (said.next(), said.next()) {
            (Some(Self::Slack(slack)), None) if !slack.names_a_channel() => {
                Err("slack: `channel` is the id of a channel, such as C0123456, or its name without `#`")
            }
            (Some(Self::Email(email)), None) if email.port == 0 || email.smtp.contains([':', '/', ' ']) => {
                Err("email: `smtp` is the name of the server alone; its port stands in `port`")
            }
            (Some(one), None) => Ok(one),
            _ => Err("a channel has exactly one of slack, slack_webhook, teams, email and webhook"),
        }
    }
}

/// `slack = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct SlackSection {
    /// The id of the channel, such as `C0123456`.
    pub channel: String,
}

/// `email = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct EmailSection {
    /// The server.
    pub smtp: String,
    /// Its port.
    #[serde(default = "submission")]
    pub port: u16,
    /// Who logs in; nobody, if it is left out.
    pub user: Option<String>,
    /// The sender.
    pub from: String,
    /// Whoever gets it.
    pub to: Vec<String>,
}

impl SlackSection {
    fn names_a_channel(&self) -> bool {
        let plain = |it: char| it.is_alphanumeric() || it == '-' || it == '_';
        (1..=80).contains(&self.channel.len()) && self.channel.chars().all(plain)
    }
}

/// The port at which mail servers take what programs send.
fn submission() -> u16 {
    587
}

/// `webhook = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct WebhookSection {
    /// Where; secret, if it is left out.
    pub url: Option<String>,
}

/// What is collected for longer is told to nobody in time.
const LONGEST_DIGEST: Duration = Duration::from_hours(7 * 24);

/// `[[routes]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RouteSection {
    channels: BTreeSet<ChannelName>,
    environments: Option<BTreeSet<EnvironmentName>>,
    topics: Option<BTreeSet<Topic>>,
    severity: Option<Severity>,
    digest: Option<String>,
}

/// Who is told what. A channel that no route names is told the quiet list about everything.
pub(super) fn routing(
    channels: &BTreeMap<ChannelName, ChannelSection>,
    routes: &[RouteSection],
    environments: &[Environment],
) -> Result<Routing, String> {
    let mut routed: Vec<Route> =
        routes.iter().map(|section| section.route(channels, environments)).collect::<Result<_, String>>()?;
    let named: BTreeSet<ChannelName> = routed.iter().flat_map(|route| &route.channels).cloned().collect();
    let others: Vec<ChannelName> = channels.keys().filter(|name| !named.contains(name)).cloned().collect();
    if !others.is_empty() {
        routed.push(Route::quiet(others));
    }
    Ok(Routing { channels: channels.keys().cloned().collect(), routes: routed, ..Routing::default() })
}

impl RouteSection {
    fn route(
        &self,
        channels: &BTreeMap<ChannelName, ChannelSection>,
        environments: &[Environment],
    ) -> Result<Route, String> {
        if let Some(unknown) = self.channels.iter().find(|name| !channels.contains_key(name)) {
            return Err(format!("routes: there is no channel `{unknown}`; add [channels.{unknown}]"));
        }
        let empty = [
            ("channels", self.channels.is_empty()),
            ("environments", self.environments.as_ref().is_some_and(BTreeSet::is_empty)),
            ("topics", self.topics.as_ref().is_some_and(BTreeSet::is_empty)),
        ];
        if let Some((key, _)) = empty.iter().find(|(_, empty)| *empty) {
            return Err(format!(
                "routes: `{key}` is empty, so nobody is told; name at least one, or leave it out"
            ));
        }
        let named = self.environments.iter().flatten();
        if let Some(unknown) = named.into_iter().find(|name| !environments.iter().any(|it| it.name == **name))
        {
            return Err(format!(
                "routes: there is no environment `{unknown}`; name one under [[environments]]"
            ));
        }
        Ok(Route {
            channels: self.channels.clone(),
            environments: self.environments.clone(),
            topics: self.topics.clone().unwrap_or_else(|| QUIET.into()),
            at_least: self.severity.unwrap_or(Severity::Info),
            pace: match duration(self.digest.as_deref(), "digest")
                .map_err(|error| format!("routes: {error}"))?
            {
                None => Pace::AtOnce,
                Some(after) if after > LONGEST_DIGEST => {
                    return Err(
                        "routes: `digest` is longer than a week, and nobody reads so old news".to_owned()
                    );
                }
                Some(after) => Pace::Digest(after),
            },
        })
    }
}
