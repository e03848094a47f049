//! What people were told of a deployment, for whoever looks at it.

use super::{App, Error};
use crate::domain::deployment::Deployment;
use crate::domain::text::shortened;
use crate::store::{Addressed, Standing, Told};

/// The newest messages that are shown.
const MOST: u32 = 100;

/// The longest text and error that are shown.
const LIMIT: usize = 400;

/// One message, and how it stands with everybody to whom it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldView {
    /// What it is about: `failed`, `approval-requested`.
    pub topic: String,
    /// What it says. Some of it may be from outside.
    pub text_untrusted: String,
    /// When it happened.
    pub at: String,
    /// Why there is no address yet, or none at all.
    pub nobody: Option<&'static str>,
    /// To whom it goes.
    pub addresses: Vec<AddressView>,
}

/// How a message stands with one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressView {
    /// The channel of the config, and the issue if there is one.
    pub to: String,
    /// `delivered`, `waits` or `given-up`.
    pub standing: &'static str,
    /// The same in words, before [`Self::at`].
    pub in_words: String,
    /// When it was delivered, is due, or was given up.
    pub at: String,
    /// Why the last try failed.
    pub error_untrusted: Option<String>,
}

impl App {
    /// What people were told of `deployment`, newest first.
    pub(super) async fn told(&self, deployment: &Deployment) -> Result<Vec<ToldView>, Error> {
        let id = deployment.id.clone();
        let told = self.blocking(move |store| store.told(&id, MOST)).await?;
        Ok(told.iter().map(ToldView::from).collect())
    }
}

impl From<&Told> for ToldView {
    fn from(told: &Told) -> Self {
        Self {
            topic: told.notice.topic.as_str().to_owned(),
            text_untrusted: shortened(&told.notice.text, LIMIT),
            at: told.notice.at.to_rfc3339(),
            nobody: match (told.is_routed, told.addresses.is_empty()) {
                (false, _) => Some("not sent yet"),
                (true, true) => Some("no route of the config has this topic"),
                (true, false) => None,
            },
            addresses: told.addresses.iter().map(AddressView::from).collect(),
        }
    }
}

impl From<&Addressed> for AddressView {
    fn from(it: &Addressed) -> Self {
        let (channel, times) = (&it.destination.channel, times(it.attempts));
        let (standing, in_words, at) = match it.standing {
            Standing::Delivered(at) if it.attempts > 1 => ("delivered", format!("delivered, {times}"), at),
            Standing::Delivered(at) => ("delivered", "delivered".to_owned(), at),
            Standing::GivenUp(at) => {
                ("given-up", format!("given up, {times}; `messages --resend` tries again; since"), at)
            }
            Standing::Due(at) if it.attempts == 0 => ("waits", "waits, due".to_owned(), at),
            Standing::Due(at) => ("waits", format!("{times}; next"), at),
        };
        Self {
            to: it
                .destination
                .issue
                .as_ref()
                .map_or_else(|| channel.to_string(), |issue| format!("{channel} {issue}")),
            standing,
            in_words,
            at: at.to_rfc3339(),
            error_untrusted: it
                .last_error
                .as_ref()
                .filter(|_| standing != "delivered")
                .map(|error| shortened(error, LIMIT)),
        }
    }
}

fn times(attempts: u32) -> String {
    if attempts == 1 { "tried once".to_owned() } else { format!("tried {attempts} times") }
}
