//! Who is there: Ada, for whom an agent deploys, and Grace, who may approve.

use std::time::Duration;

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::gate::{Approver, Gate};
use deployment_orchestrator::domain::principal::{Actor, Channel};
use deployment_orchestrator::domain::signature::PrivateKey;

/// How long an approval request stays open.
pub(crate) const OPEN_FOR: Duration = Duration::from_mins(30);

/// Grace may approve.
pub(crate) fn gate() -> Gate {
    Gate {
        approvers: vec![Approver { name: "grace".parse().unwrap(), key: Some(key_of("grace").public()) }],
        required_approvals: 1,
        required_groups: Vec::new(),
        allow_self_approval: false,
        expires_after_ms: u64::try_from(OPEN_FOR.as_millis()).unwrap(),
        accept: vec![Assurance::Signed],
        voucher: None,
        break_glass: None,
    }
}

/// A person's own key, made from their name.
pub(crate) fn key_of(name: &str) -> PrivateKey {
    let mut seed = [7; 32];
    for (to, from) in seed.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    PrivateKey::from_seed(&seed)
}

/// An agent that acts for Ada.
pub(crate) fn agent() -> Actor {
    Actor::agent("a client".to_owned(), "ada".parse().unwrap(), Channel::McpStdio)
}
