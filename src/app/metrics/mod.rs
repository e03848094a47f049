//! Metrics: one computation, for the tool, the command line, the pages and `/metrics`.

mod export;
mod view;

use schemars::JsonSchema;
use serde::Deserialize;

pub use export::{CommitRow, DeploymentRow, ExportView, IncidentRow};
pub use view::{
    ApprovalsView, DoraView, FrequencyView, LeadTimeView, MetricsView, OutcomeView, PipelineView, RateView,
    RecoveryView, RetryView, ReworkView, StageTimesView, VerifiedView,
};

pub use super::durations::UsualView;
use super::{App, Code, Error};
use crate::domain::id::{EnvironmentName, Service};
use crate::domain::metrics::change::Production;
use crate::domain::metrics::cut::{Course, Cut};
use crate::domain::metrics::dora;
use crate::domain::metrics::pipeline::Pipelines;
use crate::domain::metrics::window::{self, Window};
use crate::domain::time::Timestamp;
use crate::store::{self, Operations, Store};

/// What to look at.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricsRequest {
    /// How far back, such as `30d` (the default), `2w` or `12h`.
    pub window: Option<String>,
    /// Only of this service; each by itself by default.
    pub service: Option<String>,
    /// Only of this environment: the target, for the pipeline; the one of production, for DORA.
    pub environment: Option<String>,
}

/// What is looked at.
#[derive(Debug, Clone)]
struct Wanted {
    cut: Cut,
    service: Option<Service>,
    environment: Option<EnvironmentName>,
}

impl App {
    /// The numbers of the pipeline and of DORA.
    ///
    /// # Errors
    /// When an argument is malformed, or names something that nothing is known of.
    pub async fn metrics(&self, request: MetricsRequest) -> Result<MetricsView, Error> {
        Ok(self.course(request, Cut::none).await?.whole)
    }

    /// [`Self::metrics`], and how they went on: the numbers of the window cut into equal parts, each as if it
    /// were asked for alone.
    ///
    /// # Errors
    /// As of [`Self::metrics`].
    pub async fn metrics_over_time(&self, request: MetricsRequest) -> Result<Course<MetricsView>, Error> {
        self.course(request, Cut::of).await
    }

    async fn course(
        &self,
        request: MetricsRequest,
        cut: fn(Window) -> Cut,
    ) -> Result<Course<MetricsView>, Error> {
        let wanted = Wanted::of(request, self.clock.now(), cut)?;
        let (of, policy) = (wanted.clone(), self.policy.clone());
        let course = self.blocking(move |store| compute(store, &of, &policy)).await?;
        if course.whole.pipeline.is_empty() && course.whole.dora.is_empty() {
            self.check_known(wanted).await?;
        }
        Ok(course)
    }

    /// Refuse names that nothing is known of: where there is nothing of one in the window, it may be misspelt.
    async fn check_known(&self, wanted: Wanted) -> Result<(), Error> {
        if let Some(service) = wanted.service {
            let name = service.clone();
            if !self.blocking(move |store| store.knows_service(&name)).await? {
                return Err(Error::new(
                    Code::MalformedArgument,
                    format!("nothing is known of a service `{service}`: no deployment, import or incident"),
                    "leave the service out to see all that have numbers",
                ));
            }
        }
        if let Some(name) = wanted.environment
            && let Err(unknown) = self.environment(name.as_str())
            && !self.blocking(move |store| store.knows_environment(&name)).await?
        {
            return Err(unknown);
        }
        Ok(())
    }

    /// Compare what is kept of the deployments' stories with what their records tell.
    ///
    /// # Errors
    /// When they differ.
    pub async fn verify_metrics(&self) -> Result<VerifiedView, Error> {
        let (compared, different) = self.blocking(Store::misremembered).await?;
        match different.as_slice() {
            [] => Ok(VerifiedView { same: true, deployments: compared }),
            [first, others @ ..] => Err(Error::new(
                Code::DatabaseUnusable,
                format!(
                    "what is kept for metrics of {first} and {} more is not what its records tell",
                    others.len()
                ),
                "run `audit verify` to see that the history is intact, then `metrics rebuild`",
            )),
        }
    }

    /// Forget what is kept for metrics, and make it anew from the history.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn rebuild_metrics(&self) -> Result<VerifiedView, Error> {
        self.blocking(Store::forget_stories).await?;
        self.verify_metrics().await
    }

    /// What is going on, for whoever watches this server.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn operations(&self) -> Result<(Operations, Option<store::Driver>), Error> {
        self.blocking(|store| Ok((store.operations()?, store.driver()?))).await
    }
}

impl Wanted {
    fn of(request: MetricsRequest, now: Timestamp, cut: fn(Window) -> Cut) -> Result<Self, Error> {
        let span = request.window.as_deref().map_or(Ok(window::USUAL), window::span)?;
        Ok(Self {
            cut: cut(Window::ending(now, span)),
            service: request.service.map(|name| name.parse()).transpose()?,
            environment: request.environment.map(|name| name.parse()).transpose()?,
        })
    }

    fn is_of(&self, service: &Service) -> bool {
        self.service.as_ref().is_none_or(|wanted| wanted == service)
    }

    fn includes(&self, environment: &EnvironmentName) -> bool {
        self.environment.as_ref().is_none_or(|wanted| wanted == environment)
    }

    /// Those of `rows` whose environment was asked for.
    fn shown<T>(&self, rows: Vec<T>, of: fn(&T) -> &EnvironmentName) -> impl Iterator<Item = T> {
        rows.into_iter().filter(move |row| self.includes(of(row)))
    }
}

fn compute(
    store: &Store,
    wanted: &Wanted,
    policy: &crate::config::policy::Policy,
) -> Result<Course<MetricsView>, store::Error> {
    let cut = &wanted.cut;
    let mut pipelines = Course::of(cut, Pipelines::within);
    let mut production = Production::default();
    store.each_story(wanted.service.as_ref(), cut.whole(), |story| {
        pipelines.each().for_each(|pipelines| pipelines.add(story));
        production.add(story);
    })?;
    let imported = add_imported(store, wanted, &mut production)?;
    let mut incidents = store.incidents()?;
    incidents.retain(|incident| wanted.is_of(&incident.service));
    let imported_deployments = u32::try_from(imported).unwrap_or(u32::MAX);
    let deployments_without_story = store.untold()?;

    let windows = Course::of(cut, |window| window);
    let pipelines = pipelines.map(|pipelines| pipelines.end(policy.working_hours.as_ref()));
    let numbers = dora::over(&production, &incidents, cut);
    Ok(windows.zip(pipelines).zip(numbers).map(|((window, pipeline), (dora, unowned))| MetricsView {
        from: window.from.to_rfc3339(),
        until: window.until.to_rfc3339(),
        pipeline: wanted.shown(pipeline, |row| &row.environment).map(PipelineView::from).collect(),
        dora: wanted.shown(dora, |row| &row.environment).map(|row| DoraView::of(row, window)).collect(),
        incidents_of_no_deployment: unowned,
        imported_deployments,
        deployments_without_story,
    }))
}

/// What reached production, with the service that is wanted.
fn production_of(store: &Store, wanted: &Wanted) -> Result<Production, store::Error> {
    let mut production = Production::default();
    store.each_story(wanted.service.as_ref(), wanted.cut.whole(), |story| production.add(story))?;
    add_imported(store, wanted, &mut production)?;
    Ok(production)
}

/// Add what was imported to the stories, and end with that. Returns how many deployments it is.
fn add_imported(store: &Store, wanted: &Wanted, production: &mut Production) -> Result<usize, store::Error> {
    let mut imported = store.imported_deployments()?;
    imported.retain(|row| wanted.is_of(&row.service));
    production.end(&imported, &store.imported_commits()?);
    Ok(imported.len())
}
