//! `/approvals/{id}`: what is about to happen, and the answer of a person.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::door::Visitor;
use super::html::{self, Frame, Notice};
use super::next::Next;
use super::visits::FRESH;
use super::{Pages, cookie, text};
use crate::app::brief::{BriefView, Listed, Question};
use crate::app::{Answer, Session, SignIn};
use crate::domain::decision::Verdict;

#[derive(Template)]
#[template(path = "approval.html", config = "src/web/pages/askama.toml")]
struct Approval {
    frame: Frame,
    it: BriefView,
    notice: Option<Notice>,
    /// What the person wrote so far.
    reason: String,
    /// Whether the token is wanted once more.
    token_wanted: bool,
    /// The provider at which they sign in once more, if they do.
    sign_in_wanted: Option<String>,
}

/// What the form says.
#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    request: u32,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    token: String,
}

/// Which request a page shows.
#[derive(Deserialize)]
pub(super) struct Shown {
    request: u32,
}

/// The page.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    let reason = visitor.visit.written_on(&Next::of(&format!("/approvals/{id}")));
    pages.approval(&visitor, &id, None, reason).await
}

/// Take an answer. It is one to exactly what the page showed.
pub(super) async fn decide(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(said): Form<Said>,
) -> Response {
    let reason = said.reason.trim().to_owned();
    let refreshed = match pages.refreshed(&visitor, &said.token).await {
        Ok(refreshed) => refreshed,
        Err(notice) => return pages.approval(&visitor, &id, Some(notice), reason).await,
    };
    let visitor = refreshed.as_ref().unwrap_or(&visitor);
    let response = match pages.take(visitor, &id, said).await {
        Ok(()) => html::see(&format!("/approvals/{id}")),
        Err(notice) => pages.approval(visitor, &id, Some(notice), reason).await,
    };
    match &refreshed {
        Some(visitor) => {
            ([(SET_COOKIE, cookie::set(&visitor.cookie, pages.secure))], response).into_response()
        }
        None => response,
    }
}

/// Note that the page is really on somebody's screen, which its script says. Fetching it
/// says nothing: previews and scanners do that, too.
pub(super) async fn shown(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Form(Shown { request }): Form<Shown>,
) -> StatusCode {
    let Ok(id) = id.parse() else { return StatusCode::NOT_FOUND };
    if pages.app.may_decide(&visitor.session).is_ok() {
        pages.app.note_look(&id, request, visitor.actor()).await;
    }
    StatusCode::NO_CONTENT
}

impl Pages {
    /// The visitor with a new cookie, who shows their token now; `None` if that was lately.
    async fn refreshed(&self, visitor: &Visitor, token: &str) -> Result<Option<Visitor>, Notice> {
        let now = self.app.clock.now();
        if visitor.visit.is_fresh(now) {
            return Ok(None);
        }
        let notice = |what: String, hint: String| Notice { status: StatusCode::UNAUTHORIZED, what, hint };
        let long_ago = |hint: &str| {
            notice(format!("You signed in more than {} minutes ago.", FRESH.as_secs() / 60), hint.to_owned())
        };
        let SignIn::Token(signed_in_by) = &visitor.visit.by else {
            return Err(long_ago("Nothing was decided: sign in again below, and answer once more."));
        };
        if token.trim().is_empty() {
            return Err(long_ago("Nothing was decided: enter your token again below, and answer once more."));
        }
        match self.app.sign_in(token.trim(), &self.seals).await {
            Ok(grant) if grant.holder == signed_in_by.holder => {
                self.visits.end(&visitor.cookie);
                let session = Session::from(&grant);
                let cookie = self.visits.begin(grant, now, &*self.app.random);
                let visit = self.visits.of(&cookie, now).unwrap_or_else(|| visitor.visit.clone());
                Ok(Some(Visitor { visit, session, cookie }))
            }
            Ok(_) => {
                let what = "This is the token of somebody else.".to_owned();
                Err(notice(what, "Nothing was decided.".to_owned()))
            }
            Err(error) => Err(notice(error.message, "Nothing was decided.".to_owned())),
        }
    }

    async fn take(&self, visitor: &Visitor, id: &str, said: Said) -> Result<(), Notice> {
        let notice = |status, what: &str| Notice {
            status,
            what: what.to_owned(),
            hint: "Nothing was decided.".to_owned(),
        };
        let verdict = match said.verdict.as_str() {
            "approve" => Verdict::Approve,
            "reject" => Verdict::Reject,
            _ => return Err(notice(StatusCode::BAD_REQUEST, "Say whether you approve or reject.")),
        };
        let reason = Some(said.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        if verdict == Verdict::Reject && reason.is_none() {
            return Err(notice(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Say why you reject it: others will read it.",
            ));
        }
        self.app.may_decide(&visitor.session)?;
        let person = visitor.session.holder.person();
        let brief = self.app.brief(id, &visitor.session).await?;
        if brief.is_answered_by(person, verdict) {
            return Ok(());
        }
        match &brief.question {
            Question::Open(open)
                if open.asked.request == said.request && open.asked.digest.to_string() == said.digest => {}
            Question::Open(_) | Question::Opening | Question::Changed => {
                let what = "Something else is asked by now: what would happen has changed since you opened the page. Look at it below.";
                return Err(notice(StatusCode::CONFLICT, what));
            }
            Question::Withdrawn { .. } | Question::Over(_) | Question::None => {
                let what = "Your answer came too late: the request is not open any more.";
                return Err(notice(StatusCode::CONFLICT, what));
            }
        }
        let answer = Answer {
            deployment_id: id.to_owned(),
            request: said.request,
            digest: said.digest,
            verdict,
            reason,
        };
        let actor = visitor.actor();
        tracing::info!(deployment = id, by = %actor.principal, ?verdict, "answered on a page");
        Ok(self.app.answer(&answer, person, &actor).await?)
    }

    async fn approval(
        &self,
        visitor: &Visitor,
        id: &str,
        notice: Option<Notice>,
        reason: String,
    ) -> Response {
        match self.app.brief(id, &visitor.session).await {
            Ok(it) => {
                let status = notice.as_ref().map_or(StatusCode::OK, |notice| notice.status);
                let is_fresh = visitor.visit.is_fresh(self.app.clock.now());
                let (token_wanted, sign_in_wanted) = match &visitor.visit.by {
                    SignIn::Token(_) => (!is_fresh, None),
                    SignIn::Openid(_) => (false, self.provider_name().filter(|_| !is_fresh)),
                };
                let frame = Frame::of(visitor);
                html::page(status, &Approval { frame, it, notice, reason, token_wanted, sign_in_wanted })
            }
            Err(error) => html::refusal(visitor, &error),
        }
    }
}
