//! What runs where, compared with what Harness and the environments say.

use futures::stream::{self, TryStreamExt as _};
use schemars::JsonSchema;
use serde::Serialize;

use super::environments::{EnvironmentsView, ServiceView};
use super::{App, Error};
use crate::domain::drift::{Drift, Source};
use crate::domain::id::Repository;
use crate::domain::place::Place;
use crate::inspection::drift;

/// What one witness says of a version, compared with what this server deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DriftView {
    /// Who was asked: `harness` (its executions), or `version-url` (the environment itself).
    pub source: String,
    /// `none`, `differs`, or `unknown`, which is not `none`.
    pub drift: String,
    /// The commit that this server deployed, if another is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
    /// What is there instead, as the witness says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs_untrusted: Option<String>,
    /// Why it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_untrusted: Option<String>,
}

/// The most places that one answer compares: each takes a few calls.
const MOST_COMPARED: usize = 60;

/// How many are compared at a time.
const AT_A_TIME: usize = 4;

impl App {
    /// The same view, with what the witnesses say of each version that is there.
    pub(super) async fn compared(&self, mut view: EnvironmentsView) -> Result<EnvironmentsView, Error> {
        let mut places: Vec<(Place, Repository, &mut ServiceView)> = Vec::new();
        for environment in &mut view.environments {
            for service in environment.services.iter_mut().filter(|service| service.live.is_some()) {
                let Some(repository) = &service.repository else { continue };
                let repository = repository.parse()?;
                let place = Place {
                    service: service.service.parse()?,
                    environment: environment.environment.parse()?,
                };
                places.push((place, repository, service));
            }
        }
        let beyond = places.split_off(places.len().min(MOST_COMPARED));
        for (_, _, service) in beyond {
            let why = format!("one answer compares {MOST_COMPARED} places; name a service");
            service.drift = vec![DriftView::from((Source::Harness, Drift::Unknown { why }))];
        }
        let sources = self.sources();
        stream::iter(places.into_iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(AT_A_TIME, |(place, repository, service)| {
                let sources = &sources;
                async move {
                    let seen = drift::look(sources, &place, &repository).await?;
                    service.drift = seen.into_iter().map(DriftView::from).collect();
                    Ok(())
                }
            })
            .await?;
        Ok(view)
    }
}

impl From<(Source, Drift)> for DriftView {
    fn from((source, drift): (Source, Drift)) -> Self {
        let (drift, ours, theirs_untrusted, why_untrusted) = match drift {
            Drift::None => ("none", None, None, None),
            Drift::Unknown { why } => ("unknown", None, None, Some(why)),
            Drift::Differs { ours, theirs, .. } => ("differs", Some(ours), Some(theirs), None),
        };
        let source = source.as_str().to_owned();
        Self { source, drift: drift.to_owned(), ours, theirs_untrusted, why_untrusted }
    }
}
