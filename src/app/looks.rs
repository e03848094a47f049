//! That somebody who is asked has opened the request, on whichever channel we see that.

use super::App;
use crate::domain::id::DeploymentId;
use crate::domain::principal::Actor;
use crate::store::{self, Look};

impl App {
    /// Note in the history that `actor` opened the request of this number, if they are
    /// asked and it is the first time. Nobody who looks is held up by what comes of it, and
    /// no bell rings: there is nothing to do about it.
    pub async fn note_look(&self, id: &DeploymentId, request: u32, actor: Actor) {
        let look = Look { id: id.clone(), request, actor, at: self.clock.now() };
        match self.visit(move |store| store.look(&look)).await {
            Ok(_) | Err(store::Error::NotFound { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, deployment = %id, "that somebody opened a request could not be noted");
            }
        }
    }
}
