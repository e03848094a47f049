//! A process is killed at every call that it makes and at every commit, and
//! another goes on: the deployment comes to the same end by the same way, and
//! no pipeline is started twice.
//!
//! The process is this binary, run again with orders for `sweep::child`.

#[cfg(test)]
mod child;
#[cfg(test)]
mod commits;
#[cfg(test)]
#[path = "../support/history.rs"]
mod history;
#[cfg(test)]
#[path = "../support/people.rs"]
mod people;
#[cfg(test)]
mod sweep;
