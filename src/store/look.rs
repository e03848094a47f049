//! Looks: somebody who is asked opened the request. That is worth a remark, once, and
//! moves nothing: no version rises, nobody is told, and no engine is woken.

use rusqlite::Connection;

use super::Store;
use super::error::Error;
use super::queries;
use super::remark::{self, About, Remarked};
use crate::domain::id::{DeploymentId, PrincipalName};
use crate::domain::principal::{Actor, Principal};
use crate::domain::remark::Remark;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// That a request was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The deployment.
    pub id: DeploymentId,
    /// The number of the request.
    pub request: u32,
    /// Who opened it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Note a look in the history. Returns its position; `None` where it says nothing:
    /// the request is not the open one, `actor` is no person whom it asks or was noted
    /// before, or there are too many remarks already.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the database.
    pub fn look(&self, look: &Look) -> Result<Option<u64>, Error> {
        // Most looks are not the first, and need not wait for whoever writes.
        if !self.readers.read(|connection| is_news(connection, look))? {
            return Ok(None);
        }
        let look = look.clone();
        self.writer.write(move |connection| add(connection, &look))
    }
}

fn add(connection: &Connection, look: &Look) -> Result<Option<u64>, Error> {
    if !is_news(connection, look)? {
        return Ok(None);
    }
    let Look { id, request, actor, at } = look.clone();
    let about = About::Deployment { id, notice: None };
    remark::add(connection, &Remarked { about, remark: Remark::RequestSeen { request }, actor, at })
}

fn is_news(connection: &Connection, look: &Look) -> Result<bool, Error> {
    let Principal::Human { name } = &look.actor.principal else { return Ok(false) };
    let deployment = queries::load(connection, &look.id)?;
    let State::AwaitingApproval { request: Some(open), .. } = &deployment.progress.state else {
        return Ok(false);
    };
    Ok(open.number == look.request
        && open.asks(deployment.parties(), name, look.at)
        && !was_noted(connection, look, name)?)
}

fn was_noted(connection: &Connection, look: &Look, person: &PrincipalName) -> Result<bool, Error> {
    let seen = Remark::RequestSeen { request: look.request };
    let looks = remark::named(connection, &look.id, seen.name().0.as_str())?;
    Ok(looks.iter().any(|(remark, by)| *remark == seen && by.principal.human() == Some(person)))
}
