//! The state machine and the words of the product. Pure: no async, SQL, HTTP,
//! clock or randomness.

pub mod execution;
pub mod id;
pub mod notice;
pub mod text;
pub mod time;
