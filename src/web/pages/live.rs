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
use futures::stream::{self, StreamExt as _};

use super::door::Visitor;
use super::{Pages, html};
use crate::app::Watched;
use crate::domain::id::DeploymentId;

/// How long nothing is said, and how long a token that was revoked still hears.
const QUIET: Duration = Duration::from_secs(15);

/// Of all that is in flight.
pub(super) async fn of_all(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    follow(pages, visitor, Watched::Active).await
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
                // Browsers pass on nothing that has no data.
                Some((Ok::<_, Infallible>(Event::default().event("change").data("seen")), watch))
            });
            let events = changes.take_until(Box::pin(until_signed_out(pages, visitor)));
            let events = Sse::new(events).keep_alive(KeepAlive::new().interval(QUIET));
            // A proxy that collects before it passes on would hold every event back.
            ([(HeaderName::from_static("x-accel-buffering"), "no")], events).into_response()
        }
        Err(error) => html::refusal(&visitor, &error),
    }
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
