//! How long the stages of a service usually take, by its last deployments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::timeline;
use super::{App, Error};
use crate::domain::id::Repository;
use crate::domain::metrics::spread::Spread;
use crate::store::{Activity, Filter, LARGEST_PAGE};

/// How many deployments are looked at. What is older says little about the next.
const DEPLOYMENTS_LOOKED_AT: u32 = 20;

/// How long something usually takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UsualView {
    /// Half took at most so long, in milliseconds.
    pub median_ms: u64,
    /// Nine of ten took at most so long.
    pub p90_ms: u64,
    /// Of how many it is known.
    pub count: u32,
}

impl UsualView {
    /// Of these durations; `None` of none.
    fn of(durations: Vec<u64>) -> Option<Self> {
        Spread::of(durations).map(Self::from)
    }
}

impl From<Spread> for UsualView {
    fn from(Spread { median_ms, p90_ms, count }: Spread) -> Self {
        Self { median_ms, p90_ms, count }
    }
}

impl App {
    /// How long completed deployments of a repository stayed in each state.
    ///
    /// # Errors
    /// Only those of the database.
    pub(super) async fn usual_durations(
        &self,
        repository: &Repository,
    ) -> Result<BTreeMap<String, UsualView>, Error> {
        let filter = Filter {
            state: Some("completed".to_owned()),
            repository: Some(repository.clone()),
            activity: Activity::Ended,
            limit: DEPLOYMENTS_LOOKED_AT,
            ..Filter::default()
        };
        let histories = self
            .blocking(move |store| {
                let page = store.list(&filter)?;
                page.deployments
                    .iter()
                    .map(|deployment| store.history(&deployment.id, 0, LARGEST_PAGE))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let mut stays: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for entry in histories.iter().flat_map(|records| timeline::of(records, None)) {
            stays.entry(entry.state).or_default().extend(entry.duration_ms);
        }
        let usual = |(state, durations)| Some((state, UsualView::of(durations)?));
        Ok(stays.into_iter().filter_map(usual).collect())
    }
}
