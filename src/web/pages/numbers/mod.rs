//! `/numbers`: how well deploying goes, as charts. The numbers are those of `get_metrics`, from the same
//! computation, and those over time are of the window cut into equal parts.
//!
//! Not in here: any definition. `docs/metrics.md` has them.

mod card;
mod chart;
mod filters;
mod number;
mod production;
mod scale;
mod section;
mod way;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::door::Visitor;
use super::html::{self, Frame};
use super::{Pages, text};
use crate::app::metrics::MetricsView;
use crate::app::{Code, Error};
use crate::domain::metrics::cut::Course;
use crate::domain::state;
use crate::domain::text::shortened;
use crate::domain::time::Timestamp;
use card::{Head, Table};
pub(super) use filters::Filters;
use filters::Typed;
use section::Section;

/// Of how many services and environments there are charts at once. The others are in the table, each
/// with a link to its own.
const MOST_CHARTED: usize = 3;

/// Windows that are offered. Each is one that can be cut into parts that are round.
const WINDOWS: [(&str, &str); 4] =
    [("7d", "7 days"), ("30d", "30 days"), ("12w", "12 weeks"), ("52w", "52 weeks")];

#[derive(Template)]
#[template(path = "numbers.html", config = "src/web/pages/askama.toml")]
struct Numbers {
    frame: Frame,
    typed: Typed,
    windows: Vec<Offer>,
    services: Vec<String>,
    environments: Vec<String>,
    /// What is wrong with what was typed.
    refused: Option<String>,
    found: Option<Found>,
}

/// A window to choose.
struct Offer {
    words: &'static str,
    link: String,
    is_chosen: bool,
}

/// The numbers.
struct Found {
    whole: MetricsView,
    /// How long each part is.
    part: String,
    overview: Table,
    sections: Vec<Section>,
    /// How many have no charts here.
    not_charted: usize,
}

/// The numbers that the query asks for.
pub(super) async fn show(
    State(pages): State<Arc<Pages>>,
    Extension(visitor): Extension<Visitor>,
    Query(fields): Query<Vec<(String, String)>>,
) -> Response {
    let (typed, strange) = Typed::of(fields);
    let outcome = match strange {
        Some(name) => Err(unknown(&name)),
        None => pages.app.metrics_over_time(typed.request()).await,
    };
    let known = match pages.known(outcome.as_ref().ok().map(|course| &course.whole)).await {
        Ok(known) => known,
        Err(error) => return html::refusal(&visitor, &error),
    };
    let (status, refused, found) = match outcome {
        Ok(course) => (StatusCode::OK, None, Some(pages.found(course, &typed.filters()))),
        Err(error) if matches!(error.code, Code::MalformedArgument | Code::UnknownEnvironment) => {
            (StatusCode::BAD_REQUEST, Some(text::sentence(&error.message)), None)
        }
        Err(error) => return html::refusal(&visitor, &error),
    };
    let (services, environments) = known;
    let (frame, windows) = (Frame::of(&visitor), offers(&typed));
    html::page(status, &Numbers { frame, windows, services, environments, refused, found, typed })
}

/// What is said of a field that the form does not have.
fn unknown(name: &str) -> Error {
    let what = format!("`{}` is not a field of this page, or is there twice", shortened(name, 40));
    Error::new(Code::MalformedArgument, what, "")
}

/// The windows that are offered, with everything else as it is.
fn offers(typed: &Typed) -> Vec<Offer> {
    let filters = typed.filters();
    let chosen = if typed.window.is_empty() { "30d" } else { &typed.window };
    let offer = |(window, words)| Offer {
        words,
        link: filters.within(window).to_string(),
        is_chosen: chosen == window,
    };
    WINDOWS.into_iter().map(offer).collect()
}

impl Pages {
    /// The services and the environments that can be chosen: those of the board, and those that have numbers.
    async fn known(&self, view: Option<&MetricsView>) -> Result<(Vec<String>, Vec<String>), Error> {
        let mut services = self.app.services().await?;
        let of_the_config = self.app.policy.workflow.environments.iter();
        let mut environments: Vec<String> = of_the_config.map(|it| it.name.to_string()).collect();
        for (service, environment) in view.map(section::names).unwrap_or_default() {
            services.insert(service);
            if !environments.contains(&environment) {
                environments.push(environment);
            }
        }
        Ok((services.into_iter().collect(), environments))
    }

    fn found(&self, course: Course<MetricsView>, filters: &Filters) -> Found {
        let order = state::names(&self.app.policy.workflow);
        let names = section::names(&course.whole);
        let charted = names.iter().take(MOST_CHARTED);
        Found {
            part: part_length(&course),
            overview: section::overview(&names, &course.whole, filters),
            sections: charted.map(|name| Section::of(name, &course, &order)).collect(),
            not_charted: names.len().saturating_sub(MOST_CHARTED),
            whole: course.whole,
        }
    }
}

/// How long the parts of the window are.
fn part_length(course: &Course<MetricsView>) -> String {
    let first = course.parts.first();
    let ends =
        first.and_then(|it| Some((Timestamp::parse(&it.from).ok()?, Timestamp::parse(&it.until).ok()?)));
    let length = ends.map_or(Duration::ZERO, |(from, until)| until.since(from));
    number::in_words(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}
