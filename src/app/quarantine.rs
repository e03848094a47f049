//! Commits that were rolled back: shown, and released by an admin.

use schemars::JsonSchema;
use serde::Serialize;

use super::{App, Code, Error, reason};
use crate::domain::deployment::{Deployment, Spec};
use crate::domain::id::{CommitSha, Service};
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::role::Right;
use crate::domain::state::State;
use crate::store::{self, About};

/// A commit that may be deployed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReleasedView {
    /// The service.
    pub service: String,
    /// The commit, as it was given.
    pub commit_sha: String,
    /// The deployments whose rollback kept it out; the release stands in their history.
    pub rolled_back_by: Vec<String>,
}

impl App {
    /// Let a commit that was rolled back be deployed again. What waits with it
    /// looks again at once.
    ///
    /// # Errors
    /// When `actor` is no admin, the commit is not quarantined, or there is no reason.
    pub async fn release_commit(
        &self,
        service: &str,
        commit: &str,
        reason: &str,
        actor: &Actor,
    ) -> Result<ReleasedView, Error> {
        self.require_person(actor, Right::Administer)?;
        let reason = reason::given(reason)?;
        let (service, commit): (Service, CommitSha) = (service.parse()?, commit.parse()?);
        let (of, wanted) = (service.clone(), commit.clone());
        let standing =
            self.blocking(move |store| store.read(|snapshot| snapshot.quarantines(&of, &wanted))).await?;
        if standing.is_empty() {
            return Err(Error::new(
                Code::MalformedArgument,
                format!("{commit} of {service} is not quarantined"),
                "there is nothing to do",
            ));
        }
        let mut rolled_back_by = Vec::new();
        for quarantine in standing {
            rolled_back_by.push(quarantine.by.to_string());
            let released = Remark::CommitReleased {
                service: quarantine.service,
                commit: quarantine.commit,
                reason: reason.clone(),
            };
            let about = About::Deployment { id: quarantine.by, notice: None };
            self.remark(about, released, actor).await?;
        }
        Ok(ReleasedView { service: service.to_string(), commit_sha: commit.to_string(), rolled_back_by })
    }

    /// The refusal of a start, if its commit is quarantined.
    pub(super) async fn refusal_of_quarantined(&self, spec: &Spec) -> Result<Option<Error>, Error> {
        let (service, commit) = (spec.service.clone(), spec.commit.clone());
        let standing = self.read(move |snapshot| snapshot.quarantines(&service, &commit)).await?;
        Ok(standing.into_iter().next().map(|quarantine| store::Error::Quarantined(quarantine).into()))
    }

    /// What a reader of a deployment that was rolled back, or was to be, must know of its commit.
    pub(super) async fn quarantine_of(&self, deployment: &Deployment) -> Result<Option<String>, Error> {
        if !matches!(deployment.progress.state, State::RolledBack | State::RollbackFailed { .. }) {
            return Ok(None);
        }
        Ok(self.refusal_of_quarantined(&deployment.spec).await?.map(|_| {
            format!(
                "quarantined: {commit} of {service} is not deployed again until an admin runs `release-commit {service} {commit}`",
                commit = deployment.spec.commit,
                service = deployment.spec.service,
            )
        }))
    }
}
