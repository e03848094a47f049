//! Where somebody wanted to go before they had to sign in. Only to a page of
//! ours: anything else is the board.

use std::fmt;

use crate::domain::id::DeploymentId;

/// One of our pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything.
    Board,
    /// One deployment.
    Deployment(DeploymentId),
    /// Its approval.
    Approval(DeploymentId),
}

impl Next {
    /// The page that `path` names.
    pub(super) fn of(path: &str) -> Self {
        let named = |kind: &str| {
            let rest = path.strip_prefix(kind)?;
            rest.split('/').next()?.parse().ok()
        };
        match (named("/deployments/"), named("/approvals/")) {
            (Some(id), _) => Self::Deployment(id),
            (None, Some(id)) => Self::Approval(id),
            (None, None) => Self::Board,
        }
    }
}

impl fmt::Display for Next {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Board => out.write_str("/"),
            Self::Deployment(id) => write!(out, "/deployments/{id}"),
            Self::Approval(id) => write!(out, "/approvals/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_to_our_pages_alone() {
        let id = "dep_01JDQ0Z5Q6Y7R8S9T0V1W2X3Y4";
        for (path, leads_to) in [
            (format!("/approvals/{id}"), format!("/approvals/{id}")),
            (format!("/deployments/{id}/act"), format!("/deployments/{id}")),
            (format!("//evil.example/approvals/{id}"), "/".to_owned()),
            (format!("https://evil.example/approvals/{id}"), "/".to_owned()),
            (format!("/approvals/{id}@evil.example"), "/".to_owned()),
            ("/\\evil.example".to_owned(), "/".to_owned()),
            ("/approvals/../sign-out".to_owned(), "/".to_owned()),
            (format!("/approvals/{id}\r\nSet-Cookie: a=b"), "/".to_owned()),
        ] {
            assert_eq!(Next::of(&path).to_string(), leads_to, "{path}");
        }
    }
}
