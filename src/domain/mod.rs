//! The state machine and the words of the product. Pure: no async, SQL, HTTP,
//! clock or randomness.

pub mod approval;
mod arrow;
pub mod chain;
pub mod deployment;
pub mod door;
pub mod event;
pub mod execution;
pub mod guard;
pub mod id;
pub mod notice;
pub mod plan;
pub mod principal;
pub mod record;
pub mod remark;
pub mod replay;
pub mod retry;
mod rollback;
pub mod run;
pub mod signature;
pub mod state;
pub mod text;
pub mod time;
pub mod transition;
pub mod workflow;
