//! Decisions that people signed elsewhere and that an agent only carries.

use super::tool::Caller;
use crate::app::view::StatusView;
use crate::app::{Code, Error};
use crate::domain::approval::Verdict;
use crate::domain::signature::SignedDecision;

/// Hand in `token`, which must say `verdict`: an approval that is carried to
/// `reject`, or the reverse, is somebody's mistake.
///
/// # Errors
/// As [`crate::app::App::decide`], and when the token says the other thing.
pub(super) async fn decide(
    caller: &Caller<'_>,
    deployment: &str,
    token: &str,
    verdict: Verdict,
) -> Result<StatusView, Error> {
    let decision: SignedDecision = token.parse()?;
    if decision.statement.verdict != verdict {
        let (said, tool) = match decision.statement.verdict {
            Verdict::Approve => ("an approval", "approve, as signed_approval"),
            Verdict::Reject => ("a rejection", "reject, as signed_decision"),
        };
        return Err(Error::new(
            Code::MalformedArgument,
            format!("{} signed {said}", decision.statement.person),
            format!("if that is meant, pass it to {tool}; nothing was decided"),
        ));
    }
    caller.app.decide(deployment, token, caller.actor.channel).await
}
