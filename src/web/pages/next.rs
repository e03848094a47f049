//! Where somebody wanted to go before they had to sign in. Only to a page of
//! ours: anything else is the board.

use std::fmt;

use super::numbers::Filters;
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
    /// Numbers.
    Numbers(Filters),
}

impl Next {
    /// The page that `address` names: a path, and its query.
    pub(super) fn of(address: &str) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let named = |kind: &str| {
            let rest = path.strip_prefix(kind)?;
            rest.split('/').next()?.parse().ok()
        };
        match (named("/deployments/"), named("/approvals/")) {
            (Some(id), _) => Self::Deployment(id),
            (None, Some(id)) => Self::Approval(id),
            (None, None) if path == "/numbers" => Self::Numbers(Filters::of(query)),
            (None, None) => Self::Board,
        }
    }

    /// As a value in another query.
    pub(super) fn in_query(&self) -> String {
        self.to_string().replace('%', "%25").replace('&', "%26")
    }
}

impl fmt::Display for Next {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Board => out.write_str("/"),
            Self::Deployment(id) => write!(out, "/deployments/{id}"),
            Self::Approval(id) => write!(out, "/approvals/{id}"),
            Self::Numbers(filters) => filters.fmt(out),
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
            (format!("/approvals/{id}?verdict=approve"), format!("/approvals/{id}")),
            ("/numbers".to_owned(), "/numbers".to_owned()),
            ("/numbers?service=a.b-c&window=2w".to_owned(), "/numbers?window=2w&service=a.b-c".to_owned()),
            ("/numbers?window=2%20weeks".to_owned(), "/numbers?window=2%20weeks".to_owned()),
            (
                "/numbers?window=%0d%0aSet-Cookie:a&service=%3Cb%3E&environment=prod&next=//evil.example"
                    .to_owned(),
                "/numbers?environment=prod".to_owned(),
            ),
            ("/numbers/../sign-out".to_owned(), "/".to_owned()),
            ("//evil.example/numbers".to_owned(), "/".to_owned()),
            ("/numbers@evil.example".to_owned(), "/".to_owned()),
        ] {
            let next = Next::of(&path);
            assert_eq!(next.to_string(), leads_to, "{path}");
            assert_eq!(Next::of(&leads_to), next, "{path}: what it leads to leads there");
        }
    }
}
