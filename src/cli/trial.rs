//! The rules of `serve --simulate` without a config: ready to try, and said to be that.

use super::{key_file, place};
use crate::app::Error;
use crate::clock::SystemRandom;
use crate::config::Policy;
use crate::domain::assurance::Assurance;
use crate::domain::gate::{Approver, Gate};

/// How long a trial's approval request stays open.
const EXPIRES_AFTER_MS: u64 = 24 * 60 * 60 * 1_000;

/// Let the user of this machine approve, themselves included, with a key that
/// is made on first use.
pub(super) fn open_gates(policy: &mut Policy) -> Result<(), Error> {
    let path = place::key_file(&policy.user)?;
    let key = if path.exists() { key_file::read(&path)? } else { key_file::make(&path, &SystemRandom)? };
    let gate = Gate {
        approvers: vec![Approver { name: policy.user.clone(), key: Some(key.public()) }],
        required_approvals: 1,
        required_groups: Vec::new(),
        allow_self_approval: true,
        expires_after_ms: EXPIRES_AFTER_MS,
        accept: vec![Assurance::Signed, Assurance::Web, Assurance::ClientConfirmed],
        voucher: None,
        break_glass: None,
    };
    for environment in policy.workflow.environments.iter().filter(|environment| environment.gated) {
        policy.gates.insert(environment.name.clone(), gate.clone());
    }
    policy.caveats.push(format!("trial policy: {} may approve their own deployments", policy.user));
    tracing::info!(key = %path.display(), "without a config, the user of this machine may approve with this key");
    Ok(())
}
