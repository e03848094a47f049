//! What the messengers have in common: where they post to, what an answer means
//! for a message, and what is said of a deployment. Each messenger puts it into
//! its own shape, in a module of its own.

mod address;
mod answer;
mod facts;

pub use address::{Address, BadAddress};
pub use answer::{Answer, TIMEOUT, ask};
pub use facts::{Fact, approval_command, facts, headline, line, question, short};
