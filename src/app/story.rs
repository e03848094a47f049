//! One deployment as people look at it: where it is, what it went through, and
//! what they may do about it.

use super::acts::{self, ActView};
use super::strip::{self, StripStage};
use super::told::ToldView;
use super::trail::{NextView, TrailView};
use super::view::{EventView, StatusView};
use super::{App, Error, Session};
use crate::domain::role::Right;

/// The newest audit events that are shown.
const MOST_EVENTS: usize = 100;

/// A deployment in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryView {
    /// How it is, with every state that it went through.
    pub status: StatusView,
    /// Its way.
    pub strip: Vec<StripStage>,
    /// When it was created.
    pub created_at: String,
    /// For whom, and by which client.
    pub started_by: String,
    /// What it left behind on its way; `None` where its history does not follow.
    pub trail: Option<TrailView>,
    /// The step that is next, and what is asked for it; `None` once it is over.
    pub next: Option<NextView>,
    /// What people were told of it, newest first.
    pub messages: Vec<ToldView>,
    /// CANCEL, RETRY and ROLLBACK: what each would do now, or why it is not possible.
    pub acts: Vec<ActView>,
    /// Why whoever looks may do none of them; `None` if they may.
    pub only_looks: Option<String>,
    /// What was recorded of it, newest first: at most a hundred.
    pub events: Vec<EventView>,
}

impl StoryView {
    /// Whether some of the messages have no address.
    #[must_use]
    pub fn has_messages_to_nobody(&self) -> bool {
        self.messages.iter().any(|message| message.nobody.is_some())
    }
}

impl App {
    /// A deployment in full, for somebody who looks in `session`.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn story(&self, id: &str, session: &Session) -> Result<StoryView, Error> {
        let (deployment, rollback) = self.see(id).await?;
        let records = self.all_records_of(&deployment).await?;
        let status = self.full_view(&deployment, &rollback, &records).await?;
        let only_looks = (!self.may(session, &[Right::Operate])).then(|| {
            format!(
                "{} may only look here: these take the role `{}`, which an operator of the server gives in the config, and a token that is not limited to less.",
                session.holder.person(),
                Right::Operate.role().as_str()
            )
        });
        Ok(StoryView {
            strip: strip::of(&deployment),
            created_at: deployment.created_at.to_rfc3339(),
            started_by: deployment.spec.initiator.principal.to_string(),
            trail: self.trail_of(&deployment.id, &records),
            next: self.next_of(&deployment).await?,
            messages: self.told(&deployment).await?,
            acts: acts::acts(&deployment, rollback, self.clock.now()),
            only_looks,
            events: records.iter().rev().take(MOST_EVENTS).map(EventView::from).collect(),
            status,
        })
    }
}
