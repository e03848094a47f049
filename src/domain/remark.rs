//! What is worth keeping and moved no deployment.

use serde::{Deserialize, Serialize};

use super::event::EventName;
use super::id::{CommitSha, CorrelationKey, EnvironmentName, IncidentId, IssueKey, PipelineId, Service};
use super::notice::Topic;
use super::time::Timestamp;
use super::token::Grant;

/// Something that happened beside the state machine. It stands in the history
/// among the events, and replaying them passes over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "event", deny_unknown_fields)]
pub enum Remark {
    /// A decision, or an attempt at one, that did not count.
    DecisionRefused {
        /// The code that its sender was told.
        code: String,
        /// The sentence that its sender was told, shortened.
        message: String,
    },
    /// An agent reached beyond its limits.
    AgentRefused {
        /// The code that it was told.
        code: String,
        /// The sentence that it was told, shortened.
        message: String,
    },
    /// A pipeline is about to be run outside of every workflow. About no deployment.
    PipelineAsked {
        /// The pipeline.
        pipeline: PipelineId,
        /// The key by which its run is found.
        key: CorrelationKey,
    },
    /// Agents may change nothing from now on. About no deployment.
    AgentsFrozen {
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// Agents may act again. About no deployment.
    AgentsReleased {
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// Nothing goes into the environment until it is unlocked. About no deployment.
    EnvironmentLocked {
        /// The environment.
        environment: EnvironmentName,
        /// For one service; `None`: for all.
        service: Option<Service>,
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// The lock is taken off. About no deployment.
    EnvironmentUnlocked {
        /// The environment.
        environment: EnvironmentName,
        /// As it was locked.
        service: Option<Service>,
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// A commit that was rolled back may be deployed again. About the deployment that was.
    CommitReleased {
        /// The service.
        service: Service,
        /// The commit, as that deployment names it.
        commit: CommitSha,
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// A Jira issue belongs to the deployment from now on, too.
    IssueLinked {
        /// It.
        issue: IssueKey,
    },
    /// A person who is asked opened what they are asked, before they answered it. Of each
    /// person and request there is one at the most.
    RequestSeen {
        /// The number of the request.
        request: u32,
    },
    /// A person looked at what was approved past the rules.
    Reviewed {
        /// What they found, from the caller, shortened.
        note: String,
    },
    /// Something was wrong in production. About the deployment that brought it, where
    /// somebody knows that. The last word on an incident counts.
    IncidentLinked {
        /// What it is called where it is worked on.
        incident: IncidentId,
        /// The service.
        service: Service,
        /// When it began.
        began_at: Timestamp,
        /// When it was over; `None` while it is not.
        resolved_at: Option<Timestamp>,
        /// When the program signed it that says so, by its own clock. `None`: a person says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_at: Option<Timestamp>,
    },
    /// An incident belongs to nothing here, whoever linked or imported it, until a person
    /// links it again. About the deployment that it named last, if it named one.
    IncidentUnlinked {
        /// What it is called where it is worked on.
        incident: IncidentId,
        /// Why, from the caller, shortened.
        reason: String,
    },
    /// A token was made. About no deployment.
    TokenMade {
        /// What it grants, and to whom; never what it takes to use it.
        grant: Box<Grant>,
    },
    /// A token was taken back. About no deployment.
    TokenRevoked {
        /// What it granted.
        grant: Box<Grant>,
    },
}

impl Remark {
    /// The wire name. No event has it.
    #[must_use]
    pub fn name(&self) -> EventName {
        let name = match self {
            Self::DecisionRefused { .. } => "DECISION_REFUSED",
            Self::AgentRefused { .. } => "AGENT_REFUSED",
            Self::PipelineAsked { .. } => "PIPELINE_ASKED",
            Self::AgentsFrozen { .. } => "AGENTS_FROZEN",
            Self::AgentsReleased { .. } => "AGENTS_RELEASED",
            Self::EnvironmentLocked { .. } => "ENVIRONMENT_LOCKED",
            Self::EnvironmentUnlocked { .. } => "ENVIRONMENT_UNLOCKED",
            Self::CommitReleased { .. } => "COMMIT_RELEASED",
            Self::IssueLinked { .. } => "ISSUE_LINKED",
            Self::RequestSeen { .. } => "REQUEST_SEEN",
            Self::Reviewed { .. } => "REVIEWED",
            Self::IncidentLinked { .. } => "INCIDENT_LINKED",
            Self::IncidentUnlinked { .. } => "INCIDENT_UNLINKED",
            Self::TokenMade { .. } => "TOKEN_MADE",
            Self::TokenRevoked { .. } => "TOKEN_REVOKED",
        };
        EventName(name.to_owned())
    }

    /// What people are told it is about, if they are told.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self {
            Self::IssueLinked { .. } => Topic::IssueLinked,
            _ => Topic::Security,
        }
    }
}
