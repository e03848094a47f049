//! What is told of a notice, in full: read when it is told.

use super::super::Parts;
use crate::domain::gate::Gate;
use crate::domain::issue;
use crate::domain::message::{About, Asked, MOST_EARLIER, Message};
use crate::domain::notice::{Notice, Topic};
use crate::store;

/// Records of a deployment that are looked at for what was seen on its way.
const RECORDS_LOOKED_AT: u32 = 1_000;

/// The message about a notice whose record is at `position`.
pub(super) async fn message(
    parts: &Parts,
    position: u64,
    mut notice: Notice,
) -> Result<Message, store::Error> {
    let id = notice.deployment.clone();
    let (deployment, linked, earlier, live) = parts
        .blocking(move |store| {
            store.read(|moment| {
                let deployment = moment.load(&id)?;
                let earlier = moment.earlier_notices(&id, position, MOST_EARLIER)?;
                let linked = moment.linked_issues(&id)?;
                let spec = &deployment.spec;
                let live = match deployment.progress.state.environment() {
                    Some(here) => moment.stays(&spec.service, &spec.repository, here, 1)?.pop(),
                    None => None,
                };
                Ok((deployment, linked, earlier, live))
            })
        })
        .await?;
    let asked = match notice.topic {
        Topic::ApprovalRequested | Topic::ApprovalEscalated | Topic::ApprovalDecided => {
            let id = notice.deployment.clone();
            let records = parts.blocking(move |store| store.history(&id, 0, RECORDS_LOOKED_AT)).await?;
            let ways = |gate: &Gate| parts.policy.ways_to_decide(gate);
            let link = |pipeline: &_, execution: &_| parts.executions.link(pipeline, execution);
            Asked::of(&deployment, &records, live.as_ref(), ways, link, &parts.policy.pages)
        }
        _ => None,
    };
    let issues = issue::with_linked(parts.policy.issues_of(&deployment.spec), linked);
    notice.text = parts.policy.routing.begun(&notice.text);
    Ok(Message {
        severity: notice.topic.severity(),
        about: About::of(&deployment, issues),
        page: parts.policy.pages.deployment(&notice.deployment),
        asked,
        earlier,
        notice,
    })
}
