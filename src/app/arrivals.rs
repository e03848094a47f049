//! How a version came to where it runs.

use crate::domain::deployment::Deployment;

/// How a version came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivalView {
    /// For whom the deployment was started that brought it, and by which client.
    pub started_by: String,
    /// In which way.
    pub way: Way,
}

/// In which way a version came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Through all stages.
    Ordinary,
    /// On a named path, which leaves stages out.
    Path(String),
    /// It was there before, and was put back when the deployment was rolled back.
    PutBack,
}

/// How `version` came, which `by` has put there: its own deployment, or another that was rolled back.
pub(super) fn of(version: &str, by: &Deployment) -> ArrivalView {
    let way = if by.id.as_str() == version {
        by.spec.path.as_ref().map_or(Way::Ordinary, |path| Way::Path(path.name.to_string()))
    } else {
        Way::PutBack
    };
    ArrivalView { started_by: by.spec.initiator.principal.to_string(), way }
}
