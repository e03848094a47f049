//! Streams that say that a page is no longer as it was, and nothing of how it
//! is: its script asks for the page again.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, State};
use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::{self, Stream, StreamExt as _};

use super::super::health::STILL;
use super::door::Visitor;
use super::{Pages, html};
use crate::app::Watched;
use crate::domain::id::DeploymentId;

/// How long nothing is said, and how long a token that was revoked still hears.
const QUIET: Duration = Duration::from_secs(15);

/// How long the board is quiet after it has told that something changed: with many in
/// flight something always does, and nobody reads faster.
const APART: Duration = Duration::from_millis(500);

/// Of everything that the board shows.
pub(super) async fn of_all(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let (pulse, following) = (pages.pulse.clone(), pages.lookout.follow());
    let still = pulse.age() > STILL;
    let changes = stream::unfold((following, pulse, still), |(mut following, pulse, still)| async move {
        let still = tokio::select! {
            () = following.changed() => still,
            () = pulse.turns(STILL, still) => !still,
        };
        Some((told(), (following, pulse, still)))
    });
    // The first is told at once, and what comes close after another together with it.
    let changes = changes.flat_map(|told| {
        let quiet = stream::once(tokio::time::sleep(APART)).filter_map(|()| async { None });
        stream::iter([told]).chain(quiet)
    });
    answer(pages, visitor, changes)
}

/// Of one deployment.
pub(super) async fn of_one(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    match id.parse::<DeploymentId>() {
        Ok(id) => follow(pages, visitor, Watched::Deployment(id)).await,
        Err(error) => html::refusal(&visitor, &error.into()),
    }
}

async fn follow(pages: Arc<Pages>, visitor: Visitor, watched: Watched) -> Response {
    match pages.lookout.watch(BTreeSet::from([watched])).await {
        Ok(watch) => {
            let changes = stream::unfold(watch, |mut watch| async move {
                watch.changed().await;
                Some((told(), watch))
            });
            answer(pages, visitor, changes)
        }
        Err(error) => html::refusal(&visitor, &error),
    }
}

/// That something changed. Browsers pass on nothing that has no data.
fn told() -> Result<Event, Infallible> {
    Ok(Event::default().event("change").data("seen"))
}

/// The `changes`, until the visitor is let in no more.
fn answer(
    pages: Arc<Pages>,
    visitor: Visitor,
    changes: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let events = changes.take_until(Box::pin(until_signed_out(pages, visitor)));
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(QUIET));
    // A proxy that collects before it passes on would hold every event back.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], events).into_response()
}

/// Ends when the visitor is let in no more, or the server stops.
async fn until_signed_out(pages: Arc<Pages>, visitor: Visitor) {
    let Pages { app, visits, seals, end, .. } = &*pages;
    while end.run_until_cancelled(tokio::time::sleep(QUIET)).await.is_some() {
        let is_here = visits.of(&visitor.cookie, app.clock.now()).is_some();
        if !is_here || app.readmit(&visitor.visit.by, seals).await.is_err() {
            return;
        }
    }
}
