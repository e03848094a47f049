//! The state machine and the words of the product. Pure: no async, SQL, HTTP,
//! clock or randomness.

pub mod approval;
mod arrow;
pub mod assurance;
pub mod chain;
pub mod decision;
pub mod deployment;
pub mod door;
pub mod event;
pub mod evidence;
pub mod excerpt;
pub mod execution;
pub mod gate;
pub mod guard;
mod hex;
pub mod id;
pub mod limits;
pub mod notice;
pub mod origin;
pub mod plan;
pub mod principal;
pub mod record;
pub mod remark;
pub mod replay;
pub mod retry;
pub mod role;
mod rollback;
pub mod run;
pub mod signature;
pub mod state;
pub mod subject;
pub mod summary;
pub mod text;
pub mod time;
pub mod token;
pub mod transition;
pub mod workflow;
