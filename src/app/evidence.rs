//! What proves the history of a deployment to somebody without the database.

use super::{App, Code, Error};
use crate::domain::evidence::Evidence;
use crate::domain::id::DeploymentId;
use crate::store::ChainError;

impl App {
    /// The history of a deployment, checked and put into words, for the server to sign.
    ///
    /// # Errors
    /// When there is no such deployment, or its history is not what was recorded.
    pub async fn evidence(&self, id: &str) -> Result<Evidence, Error> {
        let id: DeploymentId = id.parse()?;
        let wanted = id.clone();
        let chain = self
            .blocking(move |store| match store.intact(&wanted) {
                Ok(()) => store.evidence(&wanted).map(Ok),
                Err(ChainError::Store(error)) => Err(error),
                Err(broken @ ChainError::Broken { .. }) => Ok(Err(broken.to_string())),
            })
            .await?
            .map_err(|broken| unsound(&id, &broken))?;
        Evidence::of(id.clone(), chain, self.clock.now()).map_err(|fault| unsound(&id, &fault.to_string()))
    }
}

fn unsound(id: &DeploymentId, why: &str) -> Error {
    Error::new(
        Code::DatabaseUnusable,
        format!("nothing can be proved about {id}: {why}"),
        "keep the database file as evidence, run `audit verify`, and compare it with a backup",
    )
}
