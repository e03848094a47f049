//! `/`: what runs where, what keeps deployments out, and what is on its way.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::health::STILL;
use super::door::Visitor;
use super::html::{self, Frame};
use super::{Pages, text};
use crate::app::arrivals::Way;
use crate::app::board::{BoardView, FlightView};
use crate::app::closures::ClosureView;
use crate::app::waits::{Concern, WaitView};
use crate::domain::time::Timestamp;

/// Deployments of one group that are shown, unless all are asked for: two screens full.
const SHOWN_OF_A_GROUP: usize = 12;

#[derive(Template)]
#[template(path = "board.html", config = "src/web/pages/askama.toml")]
struct Board {
    frame: Frame,
    board: BoardView,
    /// Since when the engine stands still, if it does.
    still_since: Option<String>,
    groups: Vec<Group>,
    /// Whether all of each group is shown.
    all: bool,
    /// So many are shown at most even then.
    shown_at_most: usize,
}

/// What is on its way and asks the same of whoever looks.
struct Group {
    id: &'static str,
    title: &'static str,
    /// The title after a number.
    short: &'static str,
    /// Those that are shown.
    flights: Vec<FlightView>,
    /// How many there are.
    count: usize,
}

/// What is asked for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Every deployment of each group.
    all: Option<String>,
}

/// The board.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let all = wanted.all.is_some();
    match pages.app.board().await {
        Ok(mut board) => {
            let shown_at_most = board.in_flight.len();
            let groups = groups(std::mem::take(&mut board.in_flight), all);
            let still_since = pages.still_since().map(Timestamp::to_rfc3339);
            html::page(
                StatusCode::OK,
                &Board { frame: Frame::of(&visitor), board, still_since, groups, all, shown_at_most },
            )
        }
        Err(error) => html::refusal(&visitor, &error),
    }
}

impl Pages {
    /// Since when the engine stands still, if it does.
    fn still_since(&self) -> Option<Timestamp> {
        let age = self.pulse.age();
        (age > STILL).then(|| self.app.clock.now().minus(age))
    }
}

/// What needs somebody comes first.
fn groups(flights: Vec<FlightView>, all: bool) -> Vec<Group> {
    let mut groups = [
        (
            Concern::NeedsSomebody,
            Group::of("needs-somebody", "Somebody has to do something", "waiting for somebody"),
        ),
        (
            Concern::KeptOut,
            Group::of("kept-out", "Waiting before an environment", "waiting before an environment"),
        ),
        (Concern::Moves, Group::of("moving", "Going on by themselves", "going on")),
    ];
    for flight in flights {
        let concern = flight.waits.concern();
        let Some((_, group)) = groups.iter_mut().find(|(of, _)| *of == concern) else { continue };
        group.count += 1;
        if all || group.count <= SHOWN_OF_A_GROUP {
            group.flights.push(flight);
        }
    }
    groups.into_iter().map(|(_, group)| group).filter(|group| group.count > 0).collect()
}

impl Group {
    fn of(id: &'static str, title: &'static str, short: &'static str) -> Self {
        Self { id, title, short, flights: Vec::new(), count: 0 }
    }

    fn hidden(&self) -> usize {
        self.count - self.flights.len()
    }
}
