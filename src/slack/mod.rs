//! Telling people in Slack, and taking their answers.
//!
//! With a bot's token ([`Bot`]) a deployment has one thread: its summary at the
//! head, which is changed as it goes, and below it a reply for each notice. With
//! an incoming webhook ([`Hook`]) each message stands for itself.
//!
//! What a message looks like is [`blocks`], pure. What comes back when somebody
//! presses a button is checked by [`signature`] and read by [`interaction`], pure
//! as well. Not in here: who may decide, which the use cases say.

mod answers;
pub mod blocks;
mod bot;
mod client;
mod hook;
pub mod interaction;
mod markup;
mod question;
mod remedy;
pub mod signature;
mod thread;

pub use answers::{Answers, Unanswered};
pub use blocks::Buttons;
pub use bot::{Bot, Settings};
pub use hook::{Hook, HookSettings};
pub use question::Question;

use crate::http;
use crate::messenger::BadAddress;

/// Where Slack's Web API is.
pub const API: &str = "https://slack.com/api";

/// Settings that no messenger can be made of. No secret is repeated.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not https, nor http to this machine.
    #[error("the address of Slack: {0}")]
    Address(#[from] BadAddress),
    /// Empty, or with characters that no token has.
    #[error("the bot token of Slack is empty or holds characters that no token has")]
    Token,
    /// No HTTP client.
    #[error(transparent)]
    Http(#[from] http::Error),
}
