//! What numbers are made of, in the rows that `import` takes: to look at them elsewhere, or to
//! have them counted there.

use serde::Serialize;

use super::{MetricsRequest, Wanted, production_of};
use crate::app::{App, Error};
use crate::domain::metrics::cut::Cut;
use crate::domain::metrics::exported;
use crate::domain::metrics::imported::{ImportedCommit, ImportedDeployment};
use crate::domain::metrics::incident::Incident;
use crate::domain::time::Timestamp;
use crate::store::Store;

/// Rows of one kind, in the order of their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportView<T> {
    /// The first instant that is looked at.
    pub from: String,
    /// The first instant after that.
    pub until: String,
    /// They.
    pub rows: Vec<T>,
    /// How many commits are missing, because nobody said when they were made.
    pub commits_without_time: u32,
}

/// A deployment to one environment, or an earlier version that was put back there. Ours and imported ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeploymentRow {
    /// The service.
    pub service: String,
    /// The repository.
    pub repository: String,
    /// The environment.
    pub environment: String,
    /// The commit that came, or that was put back.
    pub commit: String,
    /// `succeeded` or `failed`.
    pub result: &'static str,
    /// When it was asked for.
    pub started: String,
    /// When it was there, or had failed.
    pub finished: String,
    /// `deploy`, `hotfix` or `rollback`.
    pub kind: &'static str,
}

/// A commit that was new in production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitRow {
    /// The repository.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// When it was made.
    pub committed: String,
    /// The head commit of the deployment that brought it; empty if it is that itself.
    pub deployed_with: String,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentRow {
    /// What it is called where it is worked on.
    pub id: String,
    /// The service.
    pub service: String,
    /// When it began.
    pub began: String,
    /// When it was over; empty while it is not.
    pub resolved: String,
}

impl App {
    /// The deployments that came to an environment in the window, and what was put back in it.
    ///
    /// # Errors
    /// When an argument is malformed, or names something that nothing is known of.
    pub async fn export_deployments(
        &self,
        request: MetricsRequest,
    ) -> Result<ExportView<DeploymentRow>, Error> {
        let wanted = Wanted::of(request, self.clock.now(), Cut::none)?;
        let of = wanted.clone();
        let mut rows = self
            .blocking(move |store| {
                let mut rows = Vec::new();
                store.each_story(of.service.as_ref(), of.cut.whole(), |story| {
                    rows.extend(exported::deployments(story));
                })?;
                rows.extend(store.imported_deployments()?.into_iter().filter(|row| of.is_of(&row.service)));
                Ok(rows)
            })
            .await?;
        rows.retain(|row| wanted.cut.whole().contains(row.finished_at) && wanted.includes(&row.environment));
        rows.sort_by(|a, b| {
            (a.finished_at, a.started_at, &a.commit).cmp(&(b.finished_at, b.started_at, &b.commit))
        });
        self.exported(wanted, rows.into_iter().map(DeploymentRow::from).collect(), 0).await
    }

    /// The commits that were new in production with an arrival in the window.
    ///
    /// # Errors
    /// As of [`Self::export_deployments`].
    pub async fn export_commits(&self, request: MetricsRequest) -> Result<ExportView<CommitRow>, Error> {
        let wanted = Wanted::of(request, self.clock.now(), Cut::none)?;
        let of = wanted.clone();
        let (mut rows, unknown) = self
            .blocking(move |store| {
                let mut production = production_of(store, &of)?;
                production.changes.retain(|change| of.includes(&change.lane.environment));
                Ok(exported::commits(&production, of.cut.whole()))
            })
            .await?;
        rows.sort_by(|a, b| (a.committed_at, &a.commit).cmp(&(b.committed_at, &b.commit)));
        self.exported(wanted, rows.into_iter().map(CommitRow::from).collect(), unknown).await
    }

    /// The incidents that began in the window. They are of services, and so of no environment.
    ///
    /// # Errors
    /// As of [`Self::export_deployments`].
    pub async fn export_incidents(&self, request: MetricsRequest) -> Result<ExportView<IncidentRow>, Error> {
        let wanted = Wanted::of(request, self.clock.now(), Cut::none)?;
        let mut rows = self.blocking(Store::incidents).await?;
        rows.retain(|row| wanted.cut.whole().contains(row.began_at) && wanted.is_of(&row.service));
        rows.sort_by(|a, b| (a.began_at, &a.id).cmp(&(b.began_at, &b.id)));
        self.exported(wanted, rows.into_iter().map(IncidentRow::from).collect(), 0).await
    }

    /// The answer. Where it is empty, a misspelt name must not look like one of which there is nothing.
    async fn exported<T>(
        &self,
        wanted: Wanted,
        rows: Vec<T>,
        commits_without_time: u32,
    ) -> Result<ExportView<T>, Error> {
        let window = wanted.cut.whole();
        if rows.is_empty() {
            self.check_known(wanted).await?;
        }
        let (from, until) = (window.from.to_rfc3339(), window.until.to_rfc3339());
        Ok(ExportView { from, until, rows, commits_without_time })
    }
}

impl From<ImportedDeployment> for DeploymentRow {
    fn from(row: ImportedDeployment) -> Self {
        Self {
            service: row.service.to_string(),
            repository: row.repository.to_string(),
            environment: row.environment.to_string(),
            commit: row.commit.to_string(),
            result: row.result.as_str(),
            started: row.started_at.to_rfc3339(),
            finished: row.finished_at.to_rfc3339(),
            kind: row.kind.as_str(),
        }
    }
}

impl From<ImportedCommit> for CommitRow {
    fn from(row: ImportedCommit) -> Self {
        Self {
            repository: row.repository.to_string(),
            commit: row.commit.to_string(),
            committed: row.committed_at.to_rfc3339(),
            deployed_with: row.deployed_with.map(String::from).unwrap_or_default(),
        }
    }
}

impl From<Incident> for IncidentRow {
    fn from(row: Incident) -> Self {
        Self {
            id: row.id.to_string(),
            service: row.service.to_string(),
            began: row.began_at.to_rfc3339(),
            resolved: row.resolved_at.map(Timestamp::to_rfc3339).unwrap_or_default(),
        }
    }
}
