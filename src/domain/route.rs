//! Who is told what. Quiet unless the config asks for more: people who are told
//! everything read nothing.

use std::collections::BTreeSet;

use super::id::{ChannelName, EnvironmentName, IssueKey};
use super::message::Severity;
use super::notice::{Notice, Topic};

/// What a channel is told where the config does not say: what was begun, what people are
/// asked and answer, and how it ended. Not each stage and not each attempt.
pub const QUIET: [Topic; 12] = [
    Topic::Started,
    Topic::ApprovalRequested,
    Topic::ApprovalDecided,
    Topic::BreakGlass,
    Topic::NeedsHuman,
    Topic::Superseded,
    Topic::Failed,
    Topic::Completed,
    Topic::Cancelled,
    Topic::RolledBack,
    Topic::RollbackFailed,
    Topic::Security,
];

/// What a tracker is told: how its issue fares, and not who reached for what.
const TRACKED: [Topic; 8] = [
    Topic::Started,
    Topic::ApprovalRequested,
    Topic::Failed,
    Topic::Completed,
    Topic::Cancelled,
    Topic::Superseded,
    Topic::RolledBack,
    Topic::RollbackFailed,
];

/// Which notices go to some channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// To these.
    pub channels: BTreeSet<ChannelName>,
    /// Only about these environments; `None`: about any.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Only of these topics.
    pub topics: BTreeSet<Topic>,
    /// Only what matters so much.
    pub at_least: Severity,
}

/// One address that is told something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The channel.
    pub channel: ChannelName,
    /// The issue, in a tracker.
    pub issue: Option<IssueKey>,
}

impl Route {
    /// A quiet route.
    #[must_use]
    pub fn quiet(channels: impl IntoIterator<Item = ChannelName>) -> Self {
        Self {
            channels: channels.into_iter().collect(),
            environments: None,
            topics: QUIET.into(),
            at_least: Severity::Info,
        }
    }

    /// A notice that is about no environment is about all: whoever watches one is told.
    fn takes(&self, notice: &Notice) -> bool {
        let environment = notice.environment.as_ref();
        let here = self.environments.as_ref().zip(environment).is_none_or(|(ours, its)| ours.contains(its));
        here && self.topics.contains(&notice.topic) && notice.topic.severity() >= self.at_least
    }
}

/// The tracker, and the issues that a deployment has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// Its channel.
    pub channel: ChannelName,
    /// The issues.
    pub issues: Vec<IssueKey>,
}

/// To whom a notice goes: each destination once, however many routes lead there.
#[must_use]
pub fn destinations(notice: &Notice, routes: &[Route], tracked: Option<&Tracked>) -> Vec<Destination> {
    let channels: BTreeSet<&ChannelName> =
        routes.iter().filter(|route| route.takes(notice)).flat_map(|route| &route.channels).collect();
    let told = channels.into_iter().map(|channel| Destination { channel: channel.clone(), issue: None });
    let issues = tracked.filter(|_| TRACKED.contains(&notice.topic)).into_iter().flat_map(|tracked| {
        let there =
            |issue: &IssueKey| Destination { channel: tracked.channel.clone(), issue: Some(issue.clone()) };
        tracked.issues.iter().map(there)
    });
    told.chain(issues).collect()
}
