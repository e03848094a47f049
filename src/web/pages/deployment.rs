//! `/deployments/{id}`: how one deployment goes, and the forms for who may move it.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::door::Visitor;
use super::html::{self, Frame, Notice};
use super::{Pages, text};
use crate::app::acts::ActRequest;
use crate::app::story::StoryView;

#[derive(Template)]
#[template(path = "deployment.html", config = "src/web/pages/askama.toml")]
struct Deployment {
    frame: Frame,
    it: StoryView,
    notice: Option<Notice>,
}

/// What a form asks for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    act: String,
    #[serde(default)]
    shown: String,
    #[serde(default)]
    reason: String,
}

/// The page.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    pages.deployment(&visitor, &id, None).await
}

/// Cancel, try again or roll back.
pub(super) async fn act(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Response {
    match pages.move_on(&visitor, &id, wanted).await {
        Ok(()) => html::see(&format!("/deployments/{id}")),
        Err(notice) => pages.deployment(&visitor, &id, Some(notice)).await,
    }
}

impl Pages {
    async fn move_on(&self, visitor: &Visitor, id: &str, wanted: Wanted) -> Result<(), Notice> {
        let notice = |status, what: &str| Notice {
            status,
            what: what.to_owned(),
            hint: "Nothing was done.".to_owned(),
        };
        if !matches!(wanted.act.as_str(), "CANCEL" | "RETRY" | "ROLLBACK") {
            return Err(notice(StatusCode::BAD_REQUEST, "This page cancels, tries again and rolls back."));
        }
        if wanted.reason.trim().is_empty() {
            return Err(notice(StatusCode::UNPROCESSABLE_ENTITY, "Say why: it stands in the history."));
        }
        let actor = visitor.actor();
        tracing::info!(deployment = id, by = %actor.principal, act = wanted.act, "asked on a page");
        let request = ActRequest {
            deployment_id: id.to_owned(),
            event: wanted.act,
            shown: wanted.shown,
            reason: wanted.reason,
        };
        Ok(self.app.act(&visitor.session, request, actor).await?)
    }

    async fn deployment(&self, visitor: &Visitor, id: &str, notice: Option<Notice>) -> Response {
        let status = notice.as_ref().map_or(StatusCode::OK, |notice| notice.status);
        match self.app.story(id, &visitor.session).await {
            Ok(it) => html::page(status, &Deployment { frame: Frame::of(visitor), it, notice }),
            Err(error) => html::refusal(visitor, &error),
        }
    }
}
