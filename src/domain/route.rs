//! Who is told what. Quiet unless the config asks for more: people who are told
//! everything read nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::id::{ChannelName, EnvironmentName, IssueKey};
use super::message::Severity;
use super::notice::{Notice, Topic};

/// What a channel is told where the config does not say: what was begun, what people are
/// asked and answer, and how it ended. Not each stage and not each attempt.
pub const QUIET: [Topic; 13] = [
    Topic::Started,
    Topic::ApprovalRequested,
    Topic::ApprovalEscalated,
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
const TRACKED: [Topic; 9] = [
    Topic::Started,
    Topic::ApprovalRequested,
    Topic::Failed,
    Topic::Completed,
    Topic::Cancelled,
    Topic::Superseded,
    Topic::RolledBack,
    Topic::RollbackFailed,
    Topic::IssueLinked,
];

/// Whether trackers are told of it.
#[must_use]
pub fn is_tracked(topic: Topic) -> bool {
    TRACKED.contains(&topic)
}

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
    /// When.
    pub pace: Pace,
}

/// When something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// At once, and by itself.
    AtOnce,
    /// Together with all else that is to be told there, so long after the first of it.
    Digest(Duration),
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
            pace: Pace::AtOnce,
        }
    }

    /// A notice that is about no environment is about all: whoever watches one is
    /// told. Whoever watches the target is told how it ends, wherever that is.
    fn takes(&self, notice: &Notice, target: Option<&EnvironmentName>) -> bool {
        let here = notice.environment.as_ref();
        let there = target.filter(|_| notice.topic.is_an_end());
        let about = |ours: &BTreeSet<EnvironmentName>| {
            here.is_none() || here.iter().chain(&there).any(|its| ours.contains(its))
        };
        self.environments.as_ref().is_none_or(about)
            && self.topics.contains(&notice.topic)
            && notice.topic.severity() >= self.at_least
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

/// To whom a notice about a deployment to `target` goes, and when: each destination once, by the fastest of the routes that lead there.
#[must_use]
pub fn destinations(
    notice: &Notice,
    target: Option<&EnvironmentName>,
    routes: &[&Route],
    tracked: Option<&Tracked>,
) -> Vec<(Destination, Pace)> {
    let mut channels: BTreeMap<&ChannelName, Pace> = BTreeMap::new();
    for route in routes.iter().filter(|route| route.takes(notice, target)) {
        for channel in &route.channels {
            channels.entry(channel).and_modify(|pace| *pace = route.pace.min(*pace)).or_insert(route.pace);
        }
    }
    let told = channels.into_iter().map(|(channel, pace)| {
        let destination = Destination { channel: channel.clone(), issue: None };
        (destination, pace)
    });
    let issues = tracked.filter(|_| is_tracked(notice.topic)).into_iter().flat_map(|tracked| {
        let there =
            |issue: &IssueKey| Destination { channel: tracked.channel.clone(), issue: Some(issue.clone()) };
        tracked.issues.iter().map(there).map(|destination| (destination, Pace::AtOnce))
    });
    told.chain(issues).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::DeploymentId;
    use crate::domain::time::Timestamp;

    fn name<T: std::str::FromStr>(text: &str) -> T {
        text.parse().ok().expect("a name")
    }

    fn notice(topic: Topic, environment: Option<&str>) -> Notice {
        Notice {
            key: String::new(),
            deployment: DeploymentId::new(0, 0),
            topic,
            environment: environment.map(name),
            text: String::new(),
            at: Timestamp(0),
        }
    }

    fn told(notice: &Notice, routes: &[&Route], tracked: Option<&Tracked>) -> Vec<String> {
        let address = |(it, _): (Destination, Pace)| {
            it.issue.map_or_else(|| it.channel.to_string(), |issue| format!("{} {issue}", it.channel))
        };
        destinations(notice, Some(&name("prod")), routes, tracked).into_iter().map(address).collect()
    }

    #[test]
    fn a_route_takes_its_topics_environments_and_severities() {
        let quiet = Route::quiet([name("chat")]);
        let prod = Route { environments: Some([name("prod")].into()), ..Route::quiet([name("prod-chat")]) };
        let pager = Route { at_least: Severity::Critical, ..Route::quiet([name("pager"), name("chat")]) };
        let routes = [&quiet, &prod, &pager];
        for (topic, environment, expected) in [
            (Topic::Started, Some("prod"), vec!["chat", "prod-chat"]),
            (Topic::Started, Some("dev"), vec!["chat"]),
            (Topic::StageCompleted, Some("prod"), vec![]),
            (Topic::Failed, Some("dev"), vec!["chat", "pager", "prod-chat"]),
            (Topic::NeedsHuman, Some("dev"), vec!["chat"]),
            (Topic::Security, None, vec!["chat", "pager", "prod-chat"]),
        ] {
            assert_eq!(
                told(&notice(topic, environment), &routes, None),
                expected,
                "{topic:?} {environment:?}"
            );
        }
    }

    #[test]
    fn what_goes_somewhere_at_once_is_not_told_there_again_in_a_digest() {
        let daily = Pace::Digest(Duration::from_hours(24));
        let digest = Route { pace: daily, ..Route::quiet([name("chat"), name("mail")]) };
        let urgent = Route { at_least: Severity::Critical, ..Route::quiet([name("chat")]) };
        let paces = |topic| -> Vec<Pace> {
            let told = destinations(&notice(topic, None), None, &[&digest, &urgent], None);
            told.into_iter().map(|(_, pace)| pace).collect()
        };
        assert_eq!(paces(Topic::Failed), [Pace::AtOnce, daily]);
        assert_eq!(paces(Topic::Started), [daily, daily]);
    }

    #[test]
    fn each_issue_is_told_how_it_fares_and_no_more() {
        let tracked = Tracked { channel: name("jira"), issues: vec![name("SHOP-1"), name("SHOP-2")] };
        let quiet = Route::quiet([name("chat")]);
        let both = |topic| told(&notice(topic, None), &[&quiet], Some(&tracked));
        assert_eq!(both(Topic::Completed), ["chat", "jira SHOP-1", "jira SHOP-2"]);
        assert_eq!(both(Topic::Security), ["chat"]);
        assert!(both(Topic::AttemptFailed).is_empty());
    }

    #[test]
    fn what_people_must_act_on_is_never_too_quiet() {
        for topic in Topic::ALL {
            assert_eq!(
                QUIET.contains(&topic),
                !matches!(topic, Topic::StageCompleted | Topic::AttemptFailed | Topic::IssueLinked),
                "{topic:?}"
            );
        }
    }
}
