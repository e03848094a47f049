//! `/healthz` and `/readyz`, for whatever restarts this server or sends it calls.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::pulse::Pulse;

/// After so long without a pass of the engine, work does not advance. Passes
/// follow each other in half a second, and a busy database holds one up for five.
pub(super) const STILL: Duration = Duration::from_secs(20);

/// What health is seen from.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) app: App,
    pub(super) pulse: Pulse,
    pub(super) stopping: CancellationToken,
}

/// The answer to both questions.
#[derive(Serialize)]
pub(super) struct Report {
    ok: bool,
    /// One sentence, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Whether work advances. A pass of the engine takes or renews the lease and
/// reads what is due: it fails where the database cannot be written or read.
pub(super) async fn alive(State(health): State<Health>) -> (StatusCode, Json<Report>) {
    report(health.stillness())
}

/// Whether calls may be sent here: work advances, the database answers, and
/// nobody has told the server to stop.
pub(super) async fn ready(State(health): State<Health>) -> (StatusCode, Json<Report>) {
    let why = if health.stopping.is_cancelled() {
        Some("the server is stopping".to_owned())
    } else if let Some(stillness) = health.stillness() {
        Some(stillness)
    } else if !health.pulse.has_begun() {
        Some("the engine has not begun".to_owned())
    } else {
        health.app.reach_database().await.err().map(|error| error.message)
    };
    report(why)
}

impl Health {
    fn stillness(&self) -> Option<String> {
        let age = self.pulse.age();
        (age > STILL).then(|| format!("no pass of the engine has ended well for {} s", age.as_secs()))
    }
}

fn report(why: Option<String>) -> (StatusCode, Json<Report>) {
    let status = if why.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Report { ok: why.is_none(), why }))
}
