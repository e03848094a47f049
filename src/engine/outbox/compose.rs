//! What is told of a notice, in full: read when it is told.

use super::super::Parts;
use crate::domain::asked::last_execution;
use crate::domain::gate::Gate;
use crate::domain::id::{ExecutionId, PipelineId};
use crate::domain::issue;
use crate::domain::message::{About, Asked, MOST_EARLIER, Message};
use crate::domain::notice::Topic;
use crate::domain::route;
use crate::store::{self, Claimed, Posted};

/// Records of a deployment that are looked at for what was seen on its way.
const RECORDS_LOOKED_AT: u32 = 1_000;

/// The message that a delivery is of. A tracker's comment says all that there is
/// to say each time: it is told the newest notice, whichever is delivered, so that
/// one which comes late takes nothing back.
pub(super) async fn message(parts: &Parts, claimed: &Claimed) -> Result<Message, store::Error> {
    let Claimed { posted: Posted { position, notice }, destination, .. } = claimed;
    let (id, tracked, position) = (notice.deployment.clone(), destination.issue.is_some(), *position);
    let (deployment, linked, mut earlier, live) = parts
        .blocking(move |store| {
            store.read(|moment| {
                let deployment = moment.load(&id)?;
                let before = if tracked { u64::MAX } else { position };
                let earlier = moment.earlier_notices(&id, before, MOST_EARLIER)?;
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
    let tells = |topic| route::is_tracked(topic) && topic != Topic::IssueLinked;
    let newest = earlier.iter().rposition(|it| tracked && tells(it.topic));
    let mut notice = match newest {
        Some(newest) => earlier.split_off(newest).swap_remove(0),
        None => notice.clone(),
    };
    let id = notice.deployment.clone();
    let records = parts.blocking(move |store| store.history(&id, 0, RECORDS_LOOKED_AT)).await?;
    let link = |pipeline: &PipelineId, execution: &ExecutionId| parts.executions.link(pipeline, execution);
    let asked = match notice.topic {
        Topic::ApprovalRequested | Topic::ApprovalEscalated | Topic::ApprovalDecided => {
            let ways = |gate: &Gate| parts.policy.ways_to_decide(gate);
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
        execution: last_execution(&records, link),
        asked,
        earlier,
        notice,
    })
}
