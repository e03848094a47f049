//! The engine against a Harness in memory, on a clock that tests move: every
//! test is a conversation, waits for conditions and never for time to pass.

#[cfg(test)]
mod fake_environment;
#[cfg(test)]
#[path = "../support/fake_harness.rs"]
mod fake_harness;
#[cfg(test)]
mod fake_tracker;
#[cfg(test)]
#[path = "../support/history.rs"]
mod history;
#[cfg(test)]
#[path = "../support/people.rs"]
mod people;

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod freezing;
#[cfg(test)]
mod health;
#[cfg(test)]
mod hotfix;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod issues;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod places;
#[cfg(test)]
mod planning;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod rollback_targets;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod stages;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
mod validating;
#[cfg(test)]
mod world;
