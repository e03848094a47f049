//! The pages for people: sign-in, the board, a deployment, an approval, numbers.
//!
//! Made by the server, usable without a script, and nothing in them from
//! anywhere else. Looking changes nothing: whatever changes something is a form
//! that only a page of ours can have sent, by somebody who is signed in. Who that
//! is, [`visits`] remembers; every request passes [`door`].
//!
//! Not in here: any rule. What may be done, the use cases say.

mod approval;
mod assets;
mod attempts;
mod board;
mod cookie;
mod deployment;
mod door;
mod html;
mod live;
mod missing;
mod next;
mod numbers;
mod openid;
mod sign_in;
mod text;
mod visits;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

use super::body;
use super::pace::Pace;
use super::perimeter::Perimeter;
use super::places::Places;
use crate::app::{App, Lookout, Seals};
use crate::domain::token::Holder;
use crate::oauth::openid::OpenidProvider;
use crate::pulse::Pulse;
use attempts::Attempts;
use visits::Visits;

/// How many people may try to sign in within a second, in the long run. A token
/// cannot be guessed; this is for the processor.
const SIGN_INS_PER_SECOND: u32 = 10;

/// How many pages and streams of one person are under way at once: a few dozen tabs.
const MOST_AT_ONCE: usize = 32;

/// What pages are made and forms are taken with.
pub(super) struct Pages {
    app: App,
    /// The engine's.
    pulse: Pulse,
    seals: Seals,
    visits: Visits,
    attempts: Attempts,
    /// Where people may sign in, too.
    provider: Option<OpenidProvider>,
    lookout: Arc<Lookout>,
    pace: Pace<Holder>,
    places: Places<Holder>,
    sign_ins: Pace<()>,
    /// Whether people reach this server over TLS alone.
    secure: bool,
    /// Every stream ends with it.
    end: CancellationToken,
}

impl Pages {
    /// Pages of what `app` has, until `end`; each person may ask for so many in a second.
    pub(super) fn new(
        app: App,
        pulse: Pulse,
        provider: Option<OpenidProvider>,
        pace: u32,
        secure: bool,
        end: CancellationToken,
    ) -> Self {
        Self {
            seals: Seals::default(),
            visits: Visits::default(),
            attempts: Attempts::default(),
            provider,
            lookout: Lookout::new(app.clone()),
            pace: Pace::new(pace),
            places: Places::new(MOST_AT_ONCE),
            sign_ins: Pace::new(SIGN_INS_PER_SECOND),
            secure,
            end,
            pulse,
            app,
        }
    }
}

/// All pages.
pub(super) fn routes(pages: &Arc<Pages>, perimeter: &Arc<Perimeter>) -> Router {
    let signed_in = Router::new()
        .route("/", get(board::show))
        .route("/numbers", get(numbers::show))
        .route("/events", get(live::of_all))
        .route("/deployments/{id}", get(deployment::show))
        .route("/deployments/{id}/act", post(deployment::act))
        .route("/deployments/{id}/events", get(live::of_one))
        .route("/approvals/{id}", get(approval::show).post(approval::decide))
        .route("/approvals/{id}/seen", post(approval::shown))
        .route("/sign-out", post(sign_in::leave))
        .layer(from_fn(door::only_our_forms))
        .layer(from_fn(body::whole))
        .layer(from_fn_with_state(Arc::clone(pages), door::enter));
    let open = Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-in/openid", post(openid::begin))
        .route(openid::CALLBACK, get(openid::come_back))
        .route(openid::FINISH, get(openid::finish))
        .layer(from_fn(body::whole))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/chart.css", get(assets::charts))
        .route("/assets/live.js", get(assets::script));
    signed_in
        .merge(open)
        .layer(from_fn_with_state(Arc::clone(perimeter), door::only_from_our_pages))
        .fallback(missing::show)
        .layer(from_fn(html::guarded))
        .with_state(Arc::clone(pages))
}
