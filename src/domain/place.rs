//! A place: one service in one environment. At most one deployment has it.
//!
//! A deployment takes the place right before it triggers something there, and
//! gives it back when it is done there. What keeps it outside is a [`Hold`].
//! Whether a place is free only the store can tell, in the transaction that gives it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::entrance::SOAK;
use super::id::{DeploymentId, EnvironmentName, FreezeName, Service};
use super::time::Timestamp;

/// One service in one environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: EnvironmentName,
}

/// `service/environment`; no name of an environment has a slash.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.service, self.environment)
    }
}

/// One reason why a deployment stays outside of an environment for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "hold", deny_unknown_fields)]
pub enum Hold {
    /// Another deployment has the place.
    Taken {
        /// That one.
        by: DeploymentId,
        /// How many wait before this one.
        ahead: u32,
    },
    /// The place is free, and others waited longer for it.
    Queued {
        /// Whose turn it is.
        behind: DeploymentId,
        /// How many wait before this one.
        ahead: u32,
    },
    /// As many services as the config allows are being deployed there.
    Full {
        /// So many.
        most: u32,
    },
    /// A person locked it.
    Locked {
        /// Who.
        by: String,
        /// Why, from that person, shortened.
        reason: String,
        /// Since when.
        since: Timestamp,
    },
    /// Nothing is deployed there at this time.
    Frozen {
        /// The freeze or window that forbids it.
        freeze: FreezeName,
        /// Why, from the config.
        why: String,
        /// When it may be open again, if that is known.
        until: Option<Timestamp>,
    },
    /// The commit has not been in the environment before for long enough.
    Soaking {
        /// The environment before.
        environment: EnvironmentName,
        /// Until when it soaks.
        until: Timestamp,
    },
    /// What the config wants to see of the commit has not been seen.
    Unproven {
        /// The rule, by its name in the config.
        rule: String,
        /// What is there instead.
        saw: String,
    },
    /// The commit was rolled back, or was to be, and nobody has released it since.
    Quarantined {
        /// The deployment that was rolled back, or was to be.
        by: DeploymentId,
    },
}

/// Since when a deployment is held before an environment, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// Since when it waits in the queue for the place; `None` while something else holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_since: Option<Timestamp>,
    /// By what, when it was last recorded.
    pub by: Vec<Hold>,
    /// Whether people were told that it takes long.
    pub told: bool,
}

impl Hold {
    /// Its wire name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::Queued { .. } => "queued",
            Self::Full { .. } => "full",
            Self::Locked { .. } => "locked",
            Self::Frozen { .. } => "frozen",
            Self::Soaking { .. } => "soaking",
            Self::Unproven { .. } => "unproven",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whether it is about the place itself. Who is held by nothing else is in the queue.
    #[must_use]
    pub fn is_of_the_place(&self) -> bool {
        match self {
            Self::Taken { .. } | Self::Queued { .. } | Self::Full { .. } | Self::Locked { .. } => true,
            Self::Frozen { .. } | Self::Soaking { .. } | Self::Unproven { .. } | Self::Quarantined { .. } => {
                false
            }
        }
    }

    /// The rule about evidence that is not met, by its name in the config.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Soaking { .. } => Some(SOAK),
            Self::Unproven { rule, .. } => Some(rule),
            Self::Taken { .. }
            | Self::Queued { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Frozen { .. }
            | Self::Quarantined { .. } => None,
        }
    }

    /// When it ends by itself, if that is known.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Frozen { until, .. } => *until,
            Self::Soaking { until, .. } => Some(*until),
            Self::Taken { .. }
            | Self::Queued { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Unproven { .. }
            | Self::Quarantined { .. } => None,
        }
    }

    /// What ends it, and who can.
    #[must_use]
    pub fn opens_when(&self) -> String {
        match self {
            Self::Taken { by, .. } => format!("{by} is done there, or is cancelled"),
            Self::Queued { behind, .. } => format!("{behind} has been there, or is cancelled"),
            Self::Full { .. } => "one of the others is done there".to_owned(),
            Self::Locked { by, .. } => format!("{by} or another operator runs `unlock`"),
            Self::Frozen { until: Some(until), .. } => {
                format!("it ends at {}, or somebody whom it names runs `override-freeze`", until.to_rfc3339())
            }
            Self::Frozen { until: None, .. } => "somebody whom it names runs `override-freeze`".to_owned(),
            Self::Soaking { until, .. } => format!("{} has passed", until.to_rfc3339()),
            Self::Unproven { .. } => "that has been seen: start a deployment that runs it".to_owned(),
            Self::Quarantined { .. } => "an admin runs `release-commit`".to_owned(),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { by, ahead: 0 } => write!(out, "{by} has the place"),
            Self::Taken { by, ahead } => write!(out, "{by} has the place, and {ahead} wait before this one"),
            Self::Queued { behind, ahead: 1 } => write!(out, "it is the turn of {behind}"),
            Self::Queued { behind, ahead } => {
                write!(out, "it is the turn of {behind}, and {ahead} wait before this one")
            }
            Self::Full { most } => write!(out, "{most} services are being deployed there, and no more may"),
            Self::Locked { by, reason, since } => {
                write!(out, "locked by {by} since {}: {reason}", since.to_rfc3339())
            }
            Self::Frozen { freeze, why, .. } if why.is_empty() => write!(out, "`{freeze}` forbids it now"),
            Self::Frozen { freeze, why, .. } => write!(out, "`{freeze}` forbids it now: {why}"),
            Self::Soaking { environment, until } => {
                write!(out, "the commit is to be in {environment} until {}", until.to_rfc3339())
            }
            Self::Unproven { rule, saw } => write!(out, "`{rule}` is not met: {saw}"),
            Self::Quarantined { by } => write!(out, "the rollback of {by} keeps the commit out"),
        }
    }
}
