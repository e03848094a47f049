//! Where people find the pages about a deployment.

use super::id::DeploymentId;
use super::origin::Origin;

/// Where this server's pages are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pages {
    /// Nobody serves any.
    #[default]
    Nowhere,
    /// On this machine, for whoever sits at it.
    Here(Origin),
    /// Where everybody reaches this server.
    Public(Origin),
}

impl Pages {
    /// The page about a deployment, for people anywhere.
    #[must_use]
    pub fn deployment(&self, id: &DeploymentId) -> Option<String> {
        self.public().map(|base| format!("{base}/deployments/{id}"))
    }

    /// The page on which people decide about it, for people anywhere.
    #[must_use]
    pub fn approval(&self, id: &DeploymentId) -> Option<String> {
        self.public().map(|base| format!("{base}/approvals/{id}"))
    }

    /// The same for whoever asks this server: they reach it.
    #[must_use]
    pub fn approval_from_here(&self, id: &DeploymentId) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Here(base) | Self::Public(base) => Some(format!("{base}/approvals/{id}")),
        }
    }

    fn public(&self) -> Option<&Origin> {
        match self {
            Self::Nowhere | Self::Here(_) => None,
            Self::Public(base) => Some(base),
        }
    }
}
