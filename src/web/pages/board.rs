//! `/`: what runs where, and what is on its way.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::door::Visitor;
use super::html::{self, Frame};
use super::{Pages, text};
use crate::app::board::BoardView;
use crate::app::environments::{EnvironmentView, ServiceView};

#[derive(Template)]
#[template(path = "board.html", config = "src/web/pages/askama.toml")]
struct Board {
    frame: Frame,
    board: BoardView,
    services: Vec<Row>,
}

/// One service in all environments.
struct Row {
    service: String,
    cells: Vec<Cell>,
}

/// One service in one environment.
struct Cell {
    environment: String,
    here: Option<ServiceView>,
}

/// The board.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    match pages.app.board().await {
        Ok(board) => {
            let services = rows(&board.environments.environments);
            html::page(StatusCode::OK, &Board { frame: Frame::of(&visitor), services, board })
        }
        Err(error) => html::refusal(&visitor, &error),
    }
}

/// Services by environments; every environment has the same services.
fn rows(environments: &[EnvironmentView]) -> Vec<Row> {
    let services = environments.first().map_or(&[][..], |first| &first.services);
    let cell = |environment: &EnvironmentView, of: &ServiceView| Cell {
        environment: environment.environment.clone(),
        here: environment
            .services
            .iter()
            .find(|it| (&it.service, &it.repository) == (&of.service, &of.repository))
            .cloned(),
    };
    services
        .iter()
        .map(|service| Row {
            service: service.service.clone(),
            cells: environments.iter().map(|environment| cell(environment, service)).collect(),
        })
        .collect()
}
