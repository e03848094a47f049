//! `/deployments/{id}`: how one deployment goes, and the forms for who may move it.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::door::Visitor;
use super::html::{self, Frame};
use super::{Pages, text};
use crate::app::story::StoryView;
use crate::app::view::EventView;
use crate::app::{Error, TransitionRequest};
use crate::domain::role::Right;

/// The newest audit events that are shown.
const MOST_EVENTS: usize = 100;

#[derive(Template)]
#[template(path = "deployment.html", config = "src/web/pages/askama.toml")]
struct Deployment {
    frame: Frame,
    it: StoryView,
    events: Vec<EventView>,
    notice: Option<Notice>,
}

/// What was not done, and what would help.
struct Notice {
    what: String,
    hint: String,
}

/// What a form asks for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    act: String,
    #[serde(default)]
    reason: String,
}

/// The page.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    pages.deployment(&visitor, &id, StatusCode::OK, None).await
}

/// Cancel, try again or roll back.
pub(super) async fn act(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Response {
    if !matches!(wanted.act.as_str(), "CANCEL" | "RETRY" | "ROLLBACK") {
        let what = "This page cancels, tries again and rolls back.".to_owned();
        let notice = Notice { what, hint: "Nothing was done.".to_owned() };
        return pages.deployment(&visitor, &id, StatusCode::BAD_REQUEST, Some(notice)).await;
    }
    if wanted.reason.trim().is_empty() {
        let what = "Say why: it stands in the history.".to_owned();
        let notice = Notice { what, hint: "Nothing was done.".to_owned() };
        return pages.deployment(&visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(notice)).await;
    }
    match pages.move_on(&visitor, &id, wanted).await {
        Ok(()) => html::see(&format!("/deployments/{id}")),
        Err(error) if html::status_of(&error) == StatusCode::NOT_FOUND => html::refusal(&visitor, &error),
        Err(error) => {
            let status = html::status_of(&error);
            let notice = Notice { what: error.message, hint: error.hint };
            pages.deployment(&visitor, &id, status, Some(notice)).await
        }
    }
}

impl Pages {
    async fn move_on(&self, visitor: &Visitor, id: &str, wanted: Wanted) -> Result<(), Error> {
        let actor = visitor.actor();
        self.app.require_right(&visitor.session, &[Right::Operate], id, &actor).await?;
        tracing::info!(deployment = id, by = %actor.principal, act = wanted.act, "asked on a page");
        let request = TransitionRequest {
            deployment_id: id.to_owned(),
            event: wanted.act,
            expected_version: None,
            reason: Some(wanted.reason),
        };
        self.app.transition(request, actor).await.map(drop)
    }

    async fn deployment(
        &self,
        visitor: &Visitor,
        id: &str,
        status: StatusCode,
        notice: Option<Notice>,
    ) -> Response {
        match self.look_at(visitor, id).await {
            Ok((it, events)) => {
                html::page(status, &Deployment { frame: Frame::of(visitor), it, events, notice })
            }
            Err(error) => html::refusal(visitor, &error),
        }
    }

    async fn look_at(&self, visitor: &Visitor, id: &str) -> Result<(StoryView, Vec<EventView>), Error> {
        let story = self.app.story(id, &visitor.session).await?;
        let mut events = Vec::new();
        let mut after = Some(0);
        while let Some(position) = after {
            let page = self.app.history(id, position, 100).await?;
            events.extend(page.events);
            after = page.next_after;
        }
        events.reverse();
        events.truncate(MOST_EVENTS);
        Ok((story, events))
    }
}
